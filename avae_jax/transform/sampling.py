"""Sets of poses: random ones, even coverings of a family, the right-angle group.

These are poses of the OBJECT. The search estimates the inverse, the pose that carries the
observation to the canonical frame.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions
from avae_jax.core.types import Array, Key
from avae_jax.transform.families import AXES, GENERATORS, Family, axes_of
from avae_jax.transform.matrices import Factors, compose, matmul, plane_rotation


def from_unit(group: Family, ranges: RangeOptions, u: Array) -> Array:
    """The pose at a point of the unit cube; uniform points give random poses of objects.

    Rotations are uniform (on the circle, on SO(3), or within `ranges.rotation` degrees of
    upright), shifts and shears uniform, scales uniform in their logarithm.

    Args:
      u: `[P]` in [0, 1), in the order of `group.generators`.

    Returns:
      `[d + 1, d + 1]`.
    """
    place = {name: u[i] for i, name in enumerate(group.generators)}
    axes = AXES[group.d]
    spread = {name: 2 * value - 1 for name, value in place.items()}
    zero = jnp.zeros((), u.dtype)
    limit = {name: kind.limit(ranges) for name, kind in GENERATORS.items()}
    shift = [limit["shift"] * spread.get(f"shift_{a}", zero) for a in axes]
    # If an axis has two generators of scale, their mean stays within the range.
    log_scale = [_mean(spread, ("scale", f"scale_{a}"), zero) for a in axes]
    pairs = [a + b for a, b in itertools.combinations(axes, 2)]
    shear = [limit["shear"] * spread.get(f"shear_{p}", zero) for p in pairs]
    return compose(
        Factors(
            jnp.stack(shift),
            _rotation(group, ranges, place, u.dtype),
            jnp.stack(shear),
            jnp.exp(limit["scale"] * jnp.stack(log_scale)),
        )
    )


def _mean(spread: dict[str, Array], names: tuple[str, ...], default: Array) -> Array:
    found = [spread[name] for name in names if name in spread]
    return sum(found) / len(found) if found else default  # type: ignore


def _rotation(
    group: Family, ranges: RangeOptions, place: dict[str, Array], dtype: jnp.dtype
) -> Array:
    planes = [n for n in group.generators if n.startswith("rotation_")]
    limit = math.radians(ranges.rotation)
    if group.d == 3 and len(planes) == 3:
        u = jnp.stack([place[n] for n in planes])
        uniform = ranges.rotation >= 180
        return quaternion_matrix(uniform_quaternion(u) if uniform else _near(u, limit))
    # Two rotations by limit / sqrt(2) in different planes combine to at most the limit.
    each = limit / math.sqrt(len(planes)) if planes and ranges.rotation < 180 else limit
    rotation = jnp.eye(group.d, dtype=dtype)
    for name in planes:
        angle = each * (2 * place[name] - 1)
        rotation = matmul(rotation, plane_rotation(angle, axes_of(name, group.d), group.d))
    return rotation


def uniform_quaternion(u: Array) -> Array:
    """Unit quaternion `[4]`, uniform on SO(3) for `u: [3]` uniform in the unit cube.

    Reference: K. Shoemake, Uniform random rotations, Graphics Gems III, 1992.
    """
    inner, outer = jnp.sqrt(1 - u[0]), jnp.sqrt(u[0])
    a, b = 2 * math.pi * u[1], 2 * math.pi * u[2]
    return jnp.stack(
        [outer * jnp.cos(b), inner * jnp.sin(a), inner * jnp.cos(a), outer * jnp.sin(b)]
    )


def _near(u: Array, limit: float) -> Array:
    """Quaternion of a rotation vector uniform in the ball of radius `limit` radians."""
    angle, height, turn = limit * jnp.cbrt(u[0]), 2 * u[1] - 1, 2 * math.pi * u[2]
    flat = jnp.sqrt(jnp.clip(1 - height**2, 0, 1))
    axis = jnp.stack([flat * jnp.cos(turn), flat * jnp.sin(turn), height])
    return jnp.concatenate([jnp.cos(angle / 2)[None], jnp.sin(angle / 2) * axis])


def quaternion_matrix(q: Array) -> Array:
    """Rotation matrix `[3, 3]` of a unit quaternion `[4]`, scalar part first."""
    w, v = q[0], q[1:]
    zero = jnp.zeros_like(w)
    cross = jnp.stack([zero, -v[2], v[1], v[2], zero, -v[0], -v[1], v[0], zero]).reshape(3, 3)
    eye = jnp.eye(3, dtype=q.dtype)
    return (w * w - (v * v).sum()) * eye + 2 * v[:, None] * v[None] + 2 * w * cross


def mirror(d: int) -> np.ndarray:
    """The mirror image along the last axis, `[d + 1, d + 1]`."""
    matrix = np.eye(d + 1, dtype=np.float32)
    matrix[d - 1, d - 1] = -1
    return matrix


def random_pose(key: Key, group: Family, ranges: RangeOptions) -> Array:
    """A random pose `[d + 1, d + 1]` of the family within its ranges.

    >>> import jax, avae_jax
    >>> family = avae_jax.parse_family("rigid", 2)
    >>> avae_jax.random_pose(jax.random.key(0), family, avae_jax.RangeOptions()).shape
    (3, 3)
    """
    key_u, key_mirror = jax.random.split(key)
    if ranges.right_angles:
        pose = jax.random.choice(key_u, jnp.asarray(right_angles(group.d)))
    else:
        pose = from_unit(group, ranges, jax.random.uniform(key_u, (group.size,), jnp.float32))
    if not ranges.reflect:
        return pose
    flip = jax.random.bernoulli(key_mirror)
    return jnp.where(flip, matmul(pose, jnp.asarray(mirror(group.d))), pose)


def even_points(count: int, dimensions: int) -> np.ndarray:
    """Points `[count, dimensions]` that cover the unit cube evenly.

    In one dimension they are midpoints, in more the additive recurrence with the generalised
    golden ratio (M. Roberts, The unreasonable effectiveness of quasirandom sequences, 2018),
    whose first `count` points are even for every count.
    """
    if dimensions == 1:
        return (np.arange(count)[:, None] + 0.5) / count
    ratio = 2.0
    for _ in range(64):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1, dimensions + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1


def even_rotations(count: int) -> np.ndarray:
    """Unit quaternions `[count, 4]` that cover SO(3) evenly: a super-Fibonacci spiral.

    Reference: M. Alexa, Super-Fibonacci spirals: fast, low-discrepancy sampling of SO(3), 2022.
    """
    # psi solves psi^4 = psi + 4.
    phi, psi = math.sqrt(2), 1.533751168755204288118041413
    place = np.arange(count) + 0.5
    share, turn = place / count, 2 * np.pi * place
    inner, outer = np.sqrt(share), np.sqrt(1 - share)
    a, b = turn / phi, turn / psi
    return np.stack(
        [inner * np.sin(a), inner * np.cos(a), outer * np.sin(b), outer * np.cos(b)], axis=1
    )


def right_angles(d: int) -> np.ndarray:
    """The rotations by right angles `[G, d + 1, d + 1]`: 4 in 2-D, 24 in 3-D, identity first."""
    found = []
    for order in itertools.permutations(range(d)):
        for signs in itertools.product((1, -1), repeat=d):
            matrix = np.eye(d + 1, dtype=np.float32)
            matrix[:d, :d] = np.eye(d)[list(order)] * np.array(signs)[:, None]
            if np.linalg.det(matrix) > 0:
                found.append(matrix)
    return np.stack(found)


def reach(group: Family, ranges: RangeOptions, *, margin: float = 0.0) -> tuple[float, float]:
    """Largest displacement of content by poses in range.

    Args:
      margin: slack added to shift, shear and the logarithm of the scale.

    Returns:
      Largest factor by which a vector grows, and largest shift along an axis
      (coordinates). The shear bound is exact in 2-D and an upper bound in 3-D.
    """
    grow = 1.0
    if group.reaches("scale"):
        grow *= ranges.scale * math.exp(margin)
    if group.reaches("shear"):
        # Entries of one sign have the largest norm (Perron-Frobenius).
        worst = np.eye(group.d) + (ranges.shear + margin) * np.triu(np.ones((group.d,) * 2), 1)
        grow *= float(np.linalg.norm(worst, 2))
    return grow, (2 * ranges.shift + margin if group.has("shift") else 0.0)
