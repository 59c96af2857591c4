"""The prior on poses: flat within the ranges, with steep soft bounds.

Without the prior a search over scale or shift diverges: an object shrunk to nothing, or moved
out of sight, is cheap to explain. The bounds are penalties on the factors of the pose of the
object, which is the inverse of the pose that the search estimates.
"""

import math

import jax
import jax.numpy as jnp

from avae_jax.config.options import RangeOptions
from avae_jax.core.types import Array
from avae_jax.transform.families import GENERATORS, Family
from avae_jax.transform.matrices import compose, factorise, inverse, matmul, rotation_angle

# An excess of this much (in coordinates, shear, logarithm of scale, or radians) costs half a nat.
WIDTH = 0.01
# Margin beyond the bounds for the frame in which the likelihood is measured.
MARGIN = 0.1


def prior_residuals(group: Family, ranges: RangeOptions, pose: Array) -> Array:
    """Excess of a pose `[d + 1, d + 1]` over its ranges, in units of `WIDTH`.

    Returns:
      A vector whose half squared norm is the negative logarithm of the prior in nats, up
      to a constant; zero within the ranges. Differentiable in the pose.
    """
    found = factorise(inverse(pose))
    beyond = [jnp.zeros(1, pose.dtype)]
    for name, kind in GENERATORS.items():
        if kind.read and group.reaches(name):
            beyond.append(_over(kind.read(getattr(found, name)), kind.limit(ranges)))
    if group.has("rotation") and ranges.rotation < 180:
        # The identity has no axis, hence no derivative: the angle is shifted off zero.
        angle = rotation_angle(found.rotation + 1e-6 * jnp.eye(group.d, dtype=pose.dtype))
        beyond.append(_over(angle[None], math.radians(ranges.rotation)))
    return jnp.concatenate(beyond) / WIDTH


def within(group: Family, ranges: RangeOptions, pose: Array) -> Array:
    """`pose: [d + 1, d + 1]` with shift, rotation, shear and scale clipped to their ranges."""
    found = factorise(inverse(pose))
    for name, kind in GENERATORS.items():
        if kind.clip and group.reaches(name):
            found = found._replace(**{name: kind.clip(getattr(found, name), ranges)})
    if group.has("rotation") and ranges.rotation < 180:
        found = found._replace(rotation=_at_most(found.rotation, math.radians(ranges.rotation)))
    return inverse(compose(found))


def _at_most(rotation: Array, limit: float) -> Array:
    """`rotation: [d, d]` with its angle clipped to `limit` radians; half a turn has no axis."""
    skew = (rotation - rotation.T) / 2
    # The sine of the angle; Rodrigues' formula then rotates about the same axis.
    turn = skew / jnp.maximum(jnp.sqrt((skew * skew).sum() / 2), 1e-6)
    shorter = jnp.eye(len(rotation), dtype=rotation.dtype) + math.sin(limit) * turn
    shorter = shorter + (1 - math.cos(limit)) * matmul(turn, turn)
    return jnp.where(rotation_angle(rotation) > limit, shorter, rotation)


def _over(value: Array, limit: float) -> Array:
    return jax.nn.relu(jnp.abs(value) - limit)
