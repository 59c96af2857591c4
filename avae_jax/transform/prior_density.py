"""Density of the prior on poses, and samples from it.

The density is `exp(-prior) / V` with respect to the measure of `transform.lie` on the poses
that the search estimates, where `prior` is half the squared norm of `prior_residuals`. In the
factors of the object's pose (the inverse), this measure is a product over shift, rotation (Haar
measure), shear and the logarithm of scale. V is therefore a product, and within the ranges
`random_pose` draws from the prior, except for 3-D rotations of limited angle, for which it
draws the rotation vector evenly.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions
from avae_jax.core.types import Array
from avae_jax.transform.families import AXES, GENERATORS, Family, axes_of
from avae_jax.transform.lie import brackets
from avae_jax.transform.matrices import Factors, compose, inverse, matmul, plane_rotation
from avae_jax.transform.prior import WIDTH, prior_residuals
from avae_jax.transform.sampling import mirror, quaternion_matrix

# Angles at which the distribution of rotations is tabulated.
TABLE = 8192


def log_prior(group: Family, ranges: RangeOptions, pose: Array) -> Array:
    """Log density `[]` of the prior at a pose `[d + 1, d + 1]`.

    Raises:
      InputError: the family is not a group.
    """
    beyond = prior_residuals(group, ranges, pose)
    return -(beyond * beyond).sum() / 2 - log_volume(group, ranges)


def log_volume(group: Family, ranges: RangeOptions) -> float:
    """log V: the measure of the poses in range, including the soft bounds.

    Raises:
      InputError: the family is not a group.
    """
    brackets(group)
    total = math.log(2) if ranges.reflect else 0.0
    for name in group.generators:
        if not name.startswith("rotation"):
            limit, width = _wall(name, group, ranges)
            total += math.log(2 * limit + width * math.sqrt(2 * math.pi))
    return total + math.log(_angles(group, ranges)[1].sum())


def prior_pose(group: Family, ranges: RangeOptions, u: Array) -> Array:
    """The pose (in the sense of the search) at a point of the unit cube; uniform points give
    poses `[d + 1, d + 1]` of the prior.

    Args:
      u: `[P + 1]` in (0, 1), in the order of `group.generators`; the last one chooses mirror
        images, if the ranges include them.

    Raises:
      InputError: the family is not a group.
    """
    brackets(group)
    place = {name: u[i] for i, name in enumerate(group.generators)}
    value = {
        name: _beside_walls(at, *_wall(name, group, ranges))
        for name, at in place.items()
        if not name.startswith("rotation")
    }
    axes, zero = AXES[group.d], jnp.zeros((), u.dtype)
    pairs = [axes[i] + axes[j] for i, j in zip(*np.triu_indices(group.d, 1), strict=True)]
    log_scale = [value.get("scale", value.get(f"scale_{a}", zero)) for a in axes]
    pose = compose(
        Factors(
            jnp.stack([value.get(f"shift_{a}", zero) for a in axes]),
            _turn(place, group, ranges),
            jnp.stack([value.get(f"shear_{p}", zero) for p in pairs]),
            jnp.exp(jnp.stack(log_scale)),
        )
    )
    if ranges.reflect:
        pose = jnp.where(u[-1] < 0.5, matmul(pose, jnp.asarray(mirror(group.d))), pose)
    return inverse(pose)


def _wall(name: str, group: Family, ranges: RangeOptions) -> tuple[float, float]:
    """The bound of one factor, either way, and its softness."""
    kind, _, place = name.partition("_")
    # One generator for all axes meets the bounds of all of them.
    walls = 1 if place else group.d
    return GENERATORS[kind].limit(ranges), WIDTH / math.sqrt(walls)


def _beside_walls(u: Array, limit: float, width: float) -> Array:
    """The quantile `[]` at `u` of the flat distribution with half a normal beyond each bound."""
    behind = width * math.sqrt(2 * math.pi)
    place = (2 * u - 1) * (limit + behind / 2)
    out = jnp.maximum(jnp.abs(place) - limit, 0) / (behind / 2)
    # The half normal by its inverse distribution.
    tail = width * jax.scipy.special.ndtri(0.5 + jnp.minimum(out, 1 - 1e-6) / 2)
    return jnp.where(out > 0, jnp.sign(place) * (limit + tail), place)


def _angles(group: Family, ranges: RangeOptions) -> tuple[np.ndarray, np.ndarray]:
    """Edges `[TABLE + 1]` of bins of rotation angles in radians, and the measure of each bin."""
    planes = sum(name.startswith("rotation") for name in group.generators)
    edges = np.linspace(0, np.pi if planes else 1.0, TABLE + 1)
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    if not planes:
        return edges, width
    # In 2-D both directions count; in 3-D the area of the sphere of directions, and the stretch.
    density = np.full(TABLE, 2.0) if planes == 1 else 8 * np.pi * (1 - np.cos(middle))
    if ranges.rotation < 180:
        beyond = np.maximum(middle - math.radians(ranges.rotation), 0) / WIDTH
        density = density * np.exp(-(beyond**2) / 2)
    return edges, density * width


def _turn(place: dict[str, Array], group: Family, ranges: RangeOptions) -> Array:
    """The rotation `[d, d]` of the prior at a point of the unit cube."""
    planes = [name for name in group.generators if name.startswith("rotation")]
    if not planes:
        return jnp.eye(group.d)
    edges, measure = _angles(group, ranges)
    share = np.concatenate([[0.0], np.cumsum(measure)]) / measure.sum()
    upto, angles = jnp.asarray(share, jnp.float32), jnp.asarray(edges, jnp.float32)
    first, *rest = (place[name] for name in planes)
    if not rest:
        sign = jnp.where(first < 0.5, -1.0, 1.0)
        angle = sign * jnp.interp(jnp.abs(2 * first - 1), upto, angles)
        return plane_rotation(angle, axes_of(planes[0], group.d), group.d)
    angle, height, around = jnp.interp(first, upto, angles), 2 * rest[0] - 1, 2 * math.pi * rest[1]
    flat = jnp.sqrt(1 - height * height)
    axis = jnp.stack([flat * jnp.cos(around), flat * jnp.sin(around), height])
    return quaternion_matrix(jnp.concatenate([jnp.cos(angle / 2)[None], jnp.sin(angle / 2) * axis]))
