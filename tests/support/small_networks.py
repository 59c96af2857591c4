"""Every network with few weights, which are drawn at random without compiling."""

import functools

import jax
import numpy as np

from avae_jax.config.options import ModelOptions
from avae_jax.models import Model, build

Z = 3
SMALL = {"latent": Z, "hidden": (6, 5), "channels": (2, 4)}
NAMES = ["dense", "patches", "conv", "original"]
# Odd sides, sides that do not halve, and the smallest.
SHAPES = [((9, 6), 3), ((4, 5), 1), ((5, 7, 6), 1), ((4, 4, 5), 3)]


@functools.cache
def model_of(name: str, shape: tuple[int, ...], channels: int, **options) -> tuple:
    """A model and random weights of the right shapes: initialisers take seconds to compile."""
    models = []

    def begin(key: jax.Array) -> dict:
        chosen = ModelOptions(name, **SMALL, **options)
        model, params = build(key, shape, channels, options=chosen)
        models.append(model)
        return params

    shapes, random = jax.eval_shape(begin, jax.random.key(0)), np.random.default_rng(0)

    def draw(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        return random.normal(0, np.prod(leaf.shape[:-1]) ** -0.5, leaf.shape).astype(leaf.dtype)

    return models[0], jax.tree.map(draw, shapes)


def outputs(model: Model, params, x: jax.Array) -> tuple:
    """Mean and log-variance of the latent, and the decoded mean, of one example."""
    mu, logvar = model.encode(params, x)
    return mu, logvar, model.decode(params, mu + logvar)
