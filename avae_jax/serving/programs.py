"""Compiled programs of a `Posed`; models that differ in their weights alone share them."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax

from avae_jax.alignment.programs import move
from avae_jax.config.options import SearchOptions
from avae_jax.core.compilation import jit
from avae_jax.inference import batch
from avae_jax.inference.problem import bounded
from avae_jax.models.affine_model import ProgramKey
from avae_jax.transform.frame import Frame


class BatchPrograms(NamedTuple):
    """Functions of a batch of examples, as those of `inference.batch`.

    Attributes:
      find: `search_batch`.
      views: `views`.
      posterior: `posterior_batch`.
    """

    find: Callable
    views: Callable
    posterior: Callable


@functools.lru_cache(maxsize=8)
def batch_programs(key: ProgramKey, search: SearchOptions) -> BatchPrograms:
    """The programs of an affine VAE, compiled at their first call."""
    avae = key.avae
    chunk = bounded(search, avae).chunk
    posterior = functools.partial(batch.posterior_batch, avae=avae, chunk=chunk)
    return BatchPrograms(
        jit(functools.partial(batch.search_batch, avae=avae, search=search)),
        jax.jit(functools.partial(batch.views, avae=avae)),
        jit(posterior, static_argnames="samples"),
    )


@functools.lru_cache(maxsize=8)
def mover(own: Frame, interpolation: str, masked: bool) -> Callable:
    """`(raw, poses, fill) -> moved` of images in a frame of their own."""
    return jax.jit(functools.partial(move, own=own, interpolation=interpolation, masked=masked))
