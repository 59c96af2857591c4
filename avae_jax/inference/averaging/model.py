"""The mixture: an image is an average, turned, shifted and dimmed, and noise.

    x = a . shift(t) . turn(phi) . m_k + noise,     a ~ N(1, contrast),  t ~ N(0, spread^2)

phi is uniform, the class k has a share, and the noise a variance in each ring of frequencies.
The brightness of the background is left out of the vectors, the contrast a is integrated out.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array


class Common(NamedTuple):
    """What is estimated for all classes together.

    Attributes:
      noise: variance of an entry in each ring, `[C, rings]`.
      contrast: variance of the images' contrasts about 1.
      spread: standard deviation of shifts on each axis, pixels.
      reach: radius of what the averages may fill, in half sides.
    """

    noise: Array
    contrast: Array
    spread: Array
    reach: Array


class Model(NamedTuple):
    """What is estimated.

    Attributes:
      averages: `[K, C, P]`.
      kept: how much of each ring of the averages is signal, 0 to 1, `[K, C, rings]`.
      cost: nats that the entries of the averages cost, `[K]`.
      shares: of classes, `[K]`.
    """

    averages: Array
    kept: Array
    cost: Array
    shares: Array
    common: Common


def log_prior_of_shifts(shifts: Array, centres: Array, spread: Array) -> Array:
    """Of shifts `[S, 2]` about the centres `[N, 2]` images were moved back by: `[N, S]`."""
    far = ((centres[:, None] + shifts[None]) ** 2).sum(-1)
    return jax.nn.log_softmax(-far / (2 * spread**2), axis=-1)


def evidence(product: Array, norm: Array, contrast: Array) -> Array:
    """Log-likelihood ratio of a template to no object at all, its contrast integrated out.

    Args:
      product: of image and template, over the noise variance.
      norm: of template and template, likewise.
      contrast: variance of the contrast about 1.
    """
    held = 1 + contrast * norm
    return product - norm / 2 + contrast / 2 * (product - norm) ** 2 / held - jnp.log(held) / 2


def contrast_moments(product: Array, norm: Array, contrast: Array) -> tuple[Array, Array]:
    """Mean and mean square of the contrast given the image."""
    held = 1 + contrast * norm
    mean = (1 + contrast * product) / held
    return mean, mean**2 + contrast / held
