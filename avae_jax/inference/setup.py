"""Builds an affine VAE, its search and its random streams from options."""

import jax
import numpy as np

from avae_jax import models, transform
from avae_jax.config.options import Options, SearchOptions
from avae_jax.core.types import Key, Params, Shape
from avae_jax.inference.search import resolve_search
from avae_jax.models.affine_model import AVAE, affine_vae


def assemble(
    options: Options, shape: Shape, fill: np.ndarray, *, abstract: bool = False
) -> tuple[AVAE, SearchOptions, Params]:
    """The affine VAE for examples of `shape = [*S, C]`, its search and its initial weights.

    Args:
      abstract: shapes and types in place of weights, which cost a compilation.

    Raises:
      InputError: an invalid family or search.
    """
    *sides, channels = shape
    group = transform.parse_family(options.family, len(sides))
    search = resolve_search(options.search, group)
    key = stream(options, "model")
    model, init = models.model_and_init(tuple(sides), channels, options=options.model)
    params = jax.eval_shape(init, key) if abstract else jax.jit(init)(key)
    avae = affine_vae(
        model,
        transform.make_frame(tuple(sides)),
        fill,
        group=group,
        ranges=options.ranges,
        likelihood=options.model.likelihood,
        interpolation=options.model.interpolation,
    )
    return avae, search, params


STREAMS = ("model", "train", "test", "head", "synchronised")


def stream(options: Options, name: str) -> Key:
    """The key of one use of randomness; different uses have independent keys."""
    return jax.random.fold_in(jax.random.key(options.seed), STREAMS.index(name))
