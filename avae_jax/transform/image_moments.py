"""Moments of an image: position, spread and directions of its content.

Moments estimate the part of a pose that needs no search. The centroid gives the shift, the
spread gives the scale, and the square root of the covariance turns any affine map into a
rotation: two affine images of one object differ by a rotation once both are whitened.
"""

import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array
from avae_jax.transform.families import AXES, Family
from avae_jax.transform.frame import Frame, coordinates
from avae_jax.transform.matrices import affine, matmul

# Standard deviation, along each axis and in coordinates, of content of standard size.
SPREAD = 0.35
# Avoids division by zero for images without content, or flat in one direction.
FLOOR = 1e-3


def normaliser(image: Array, fill: Array, *, frame: Frame, group: Family) -> Array:
    """The pose that moves content to standard position and size, as far as `group` can.

    Args:
      image: `[*S, C]`; the absolute difference to `fill: [C]` is the weight of a pixel.
      group: shifts centre the content, a scale sets its spread to `SPREAD`, scales of each
        axis and shears whiten it.

    Returns:
      `[d + 1, d + 1]`; the identity for a family of rotations.
    """
    mass = jnp.abs(image - jnp.broadcast_to(fill, image.shape)).sum(-1).reshape(-1)
    weight = mass / jnp.maximum(mass.sum(), FLOOR)
    points = jnp.asarray(coordinates(frame).reshape(-1, frame.d), weight.dtype)
    centre = (weight[:, None] * points).sum(0)
    free = [f"shift_{axis}" in group.generators for axis in AXES[group.d]]
    centre = jnp.where(np.array(free), centre, 0)
    away = points - centre[None]
    covariance = (weight[:, None, None] * away[:, :, None] * away[:, None, :]).sum(0)
    linear = SPREAD * _inverse_root(covariance + FLOOR**2 * jnp.eye(frame.d), group)
    return matmul(affine(linear, jnp.zeros(frame.d)), affine(jnp.eye(frame.d), -centre))


def _inverse_root(covariance: Array, group: Family) -> Array:
    """The linear map to unit spread; 1 / `SPREAD` on axes that the family cannot scale."""
    d = covariance.shape[-1]
    if group.has("shear") and group.has("rotation"):
        values, vectors = jnp.linalg.eigh(covariance)
        return matmul(vectors / jnp.sqrt(values)[None], vectors.T)
    if "scale" in group.generators:
        return jnp.eye(d) / jnp.sqrt(jnp.trace(covariance) / d)
    free = np.array([f"scale_{axis}" in group.generators for axis in AXES[group.d]])
    return jnp.diag(jnp.where(free, 1 / jnp.sqrt(jnp.diagonal(covariance)), 1 / SPREAD))
