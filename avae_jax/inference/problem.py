"""The search problem of an observation: its loss as a function of the pose."""

import dataclasses
import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import SearchOptions
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.search import Problem
from avae_jax.models.objective import (
    AVAE,
    pad_to_outer,
    predict,
    reconstruct_canonical,
    render_at_pose,
    search_loss,
)
from avae_jax.transform.families import retract


class SearchInput(NamedTuple):
    """One observation, prepared for the search.

    Attributes:
      x: `[*S, C]`.
      wide: `[*outer.shape, C]`, `x` extended by `fill`; computed once, not at every pose.
      noise: key that samples z, with the same noise at every pose; `None` takes the mean of z.
    """

    x: Array
    wide: Array
    noise: Key | None = None


def prepare(x: Array, *, avae: AVAE, noise: Key | None = None) -> SearchInput:
    """Prepares one observation `[*S, C]` for the search."""
    return SearchInput(x, pad_to_outer(x, avae=avae), noise)


def problem(params: Params, avae: AVAE) -> Problem:
    """The search problem of an affine VAE over `SearchInput` examples."""
    return Problem(
        predict=lambda seen, pose: predict(params, seen.noise, seen.x, pose, avae=avae),
        loss=lambda seen, outputs: search_loss(params, seen.wide, outputs, avae=avae),
        retract=lambda pose, alpha: retract(avae.group, pose, alpha),
        size=avae.group.size,
        hold=lambda seen, pose: functools.partial(
            render_at_pose,
            reconstruct_canonical(params, seen.noise, seen.x, pose, avae=avae),
            avae=avae,
        ),
    )


# Pixels of one array of a chunk, to fit the cache of a CPU or to fill an accelerator.
PIXELS_ON_CPU, PIXELS_ON_ACCELERATORS = 2**17, 2**25


# With fewer poses at once, reading the weights of the model dominates the time.
LEAST_CHUNK = 64


def bounded(options: SearchOptions, avae: AVAE, *, platform: str | None = None) -> SearchOptions:
    """`options` with a chunk size that fits the platform (the default one) and the images."""
    if options.chunk is not None:
        return options
    platform = platform or jax.default_backend()
    pixels = PIXELS_ON_CPU if platform == "cpu" else PIXELS_ON_ACCELERATORS
    chunk = max(LEAST_CHUNK, pixels // math.prod(avae.outer.shape))
    return dataclasses.replace(options, chunk=chunk)


def example_keys(key: Key, index: Array | np.ndarray) -> Key:
    """Keys `[B]` of the examples with global indices `index: [B]`.

    >>> import jax, numpy as np, avae_jax
    >>> avae_jax.example_keys(jax.random.key(0), np.arange(3)).shape
    (3,)
    """
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.asarray(index))
