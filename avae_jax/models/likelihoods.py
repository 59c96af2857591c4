"""Likelihoods of an image given the mean of every pixel, in nats, summed over pixels.

A likelihood is an entry of `LIKELIHOODS`, which the objective, the template bank, the decoder's
last layer and the checks of data and options share.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from avae_jax.core.platforms import by_platform
from avae_jax.core.types import Array, Key

# Keeps probabilities off 0 and 1: p <- EPS + (1 - 2 EPS) p. A certain and wrong pixel then
# costs 9.2 nats, a certain and right one 0.0001.
EPS = 1e-4


def bernoulli_nll(x: Array, p: Array, *, weight: Array | None = None) -> Array:
    """Negative log-likelihood `[]` of `x` in [0, 1] under probabilities `p`, same shape.

    Args:
      weight: of each pixel, same shape; `None` is 1.
    """
    full, empty = log_probabilities(p)
    return -total(_weighted(x * full + (1 - x) * empty, weight))


def log_probabilities(p: Array) -> tuple[Array, Array]:
    """Logarithms of a pixel's probabilities `p` and `1 - p` after `EPS`, any shape."""
    # Cubic interpolation may leave [0, 1] by a little.
    p = jnp.clip(p, 0, 1)
    # As exact as log1p of the former, which takes several times as long on CPUs.
    return jnp.log(EPS + (1 - 2 * EPS) * p), jnp.log(EPS + (1 - 2 * EPS) * (1 - p))


def gaussian_nll(x: Array, mean: Array, log_sigma: Array, *, weight: Array | None = None) -> Array:
    """Negative log-likelihood `[]` under independent normals with scale `exp(log_sigma)`.

    Args:
      weight: as for `bernoulli_nll`.
    """
    scaled = (x - mean) * jnp.exp(-log_sigma)
    return total(_weighted(scaled * scaled / 2 + log_sigma + math.log(2 * math.pi) / 2, weight))


def _weighted(values: Array, weight: Array | None) -> Array:
    return values if weight is None else values * weight


def total(values: Array) -> Array:
    """Sum `[]` of all entries; on CPUs as a product with ones.

    XLA's CPU compiler fuses a plain sum with its inputs into a scalar loop, in which logarithms
    take some twenty times as long as in a vectorised one. On other devices fusion saves time,
    because pixels are not written to memory.
    """
    return by_platform(values.reshape(-1), cpu=_by_product, default=jnp.sum)


def _by_product(flat: Array) -> Array:
    return jnp.dot(flat, jnp.ones_like(flat), precision="highest")


def gaussian_kl(mu: Array, logvar: Array) -> Array:
    """KL divergence `[]` of N(mu, exp(logvar)) from N(0, 1), summed over `[Z]`."""
    return (jnp.exp(logvar) + mu * mu - 1 - logvar).sum() / 2


class Likelihood(NamedTuple):
    """The functions and properties of a likelihood.

    Attributes:
      nll: `(x, mean, log_sigma) -> []`, negative log-likelihood in nats of `x` given the mean of
        every pixel, same shape; convex in the mean. `log_sigma` is None without a `scale`. The
        keyword `weight`, of each pixel, is passed for images with missing pixels.
      templates: `means [..., D] -> (rows [..., D], offsets [...])`, so that
        `rows . x + offset` is the log-likelihood of `x: [D]` up to a factor and a constant.
      pixel_offsets: `rows [..., D] -> [..., D]`, the contribution of each pixel to the offset.
      activation: maps the output of a decoder to a mean.
      interval: the least and largest value of `x` and of a mean; None allows every number.
      scale: of the noise: `given` by `model.sigma`, `learned` with the weights, or none.
      draw: `(key, mean, log_sigma) -> x`, an image of the likelihood; None where it has none.
    """

    nll: Callable[..., Array]
    templates: Callable[[Array], tuple[Array, Array]]
    pixel_offsets: Callable[[Array], Array] = lambda rows: -(rows * rows) / 2
    activation: Callable[[Array], Array] = lambda out: out
    interval: tuple[float, float] | None = None
    scale: str = ""
    draw: Callable[..., Array] | None = None


def bernoulli_templates(means: Array) -> tuple[Array, Array]:
    """Rows and offsets of Bernoulli log-likelihoods, see `Likelihood.templates`."""
    full, empty = log_probabilities(means)
    return full - empty, empty.sum(-1)


def gaussian_templates(means: Array) -> tuple[Array, Array]:
    """Rows and offsets of Gaussian log-likelihoods, see `Likelihood.templates`."""
    return means, -(means * means).sum(-1) / 2


def draw_bernoulli(key: Key, mean: Array, log_sigma: Array | None) -> Array:
    """Pixels that are 1 with the probabilities `mean`, same shape."""
    full, _ = log_probabilities(mean)
    return (jax.random.uniform(key, mean.shape, mean.dtype) < jnp.exp(full)).astype(mean.dtype)


def draw_gaussian(key: Key, mean: Array, log_sigma: Array) -> Array:
    """`mean` with independent normal noise of scale `exp(log_sigma)`, same shape."""
    return mean + jnp.exp(log_sigma) * jax.random.normal(key, mean.shape, mean.dtype)


LIKELIHOODS = {
    "bernoulli": Likelihood(
        lambda x, mean, log_sigma, weight=None: bernoulli_nll(x, mean, weight=weight),
        bernoulli_templates,
        # The logarithms of p and 1 - p differ by the row.
        pixel_offsets=lambda rows: -jax.nn.softplus(rows),
        activation=nn.sigmoid,
        interval=(0.0, 1.0),
        draw=draw_bernoulli,
    ),
    "gaussian": Likelihood(gaussian_nll, gaussian_templates, scale="given", draw=draw_gaussian),
    "gaussian_learned": Likelihood(
        gaussian_nll, gaussian_templates, scale="learned", draw=draw_gaussian
    ),
}
