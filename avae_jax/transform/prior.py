"""The prior on poses: flat within the ranges, a steep wall outside.

Without the prior a search over scale or shift escapes: an object shrunk to nothing, or moved
out of sight, is cheap to explain. The walls are penalties on the factors of the pose of the
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
# The frame in which the likelihood is measured leaves this much room behind the walls.
MARGIN = 0.1


def excess(group: Family, ranges: RangeOptions, pose: Array) -> Array:
    """How far a pose `[d + 1, d + 1]` reaches beyond its ranges, in units of `WIDTH`.

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
        # A rotation by nothing has no direction, hence no derivative: shift it off zero.
        angle = rotation_angle(found.rotation + 1e-6 * jnp.eye(group.d, dtype=pose.dtype))
        beyond.append(_over(angle[None], math.radians(ranges.rotation)))
    return jnp.concatenate(beyond) / WIDTH


def within(group: Family, ranges: RangeOptions, pose: Array) -> Array:
    """`pose: [d + 1, d + 1]` with shift, rotation, shear and scale brought back to their ranges."""
    found = factorise(inverse(pose))
    for name, kind in GENERATORS.items():
        if kind.clip and group.reaches(name):
            found = found._replace(**{name: kind.clip(getattr(found, name), ranges)})
    if group.has("rotation") and ranges.rotation < 180:
        found = found._replace(rotation=_at_most(found.rotation, math.radians(ranges.rotation)))
    return inverse(compose(found))


def _at_most(rotation: Array, limit: float) -> Array:
    """`rotation: [d, d]` about its own axis by `limit` radians at most; half a turn has none."""
    skew = (rotation - rotation.T) / 2
    # The sine of the angle; by Rodrigues' formula about the axis that is left.
    turn = skew / jnp.maximum(jnp.sqrt((skew * skew).sum() / 2), 1e-6)
    shorter = jnp.eye(len(rotation), dtype=rotation.dtype) + math.sin(limit) * turn
    shorter = shorter + (1 - math.cos(limit)) * matmul(turn, turn)
    return jnp.where(rotation_angle(rotation) > limit, shorter, rotation)


def _over(value: Array, limit: float) -> Array:
    return jax.nn.relu(jnp.abs(value) - limit)
