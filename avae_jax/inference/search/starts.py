"""Starting poses of a search."""

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions
from avae_jax.core.choices import look_up
from avae_jax.core.types import Array, Key
from avae_jax.transform.families import Family
from avae_jax.transform.matrices import inverse, matmul
from avae_jax.transform.sampling import even_points, from_unit, mirror, random_pose, right_angles


def start_poses(key: Key, group: Family, ranges: RangeOptions, *, kind: str, count: int) -> Array:
    """Starting poses `[R, d + 1, d + 1]` of one example.

    Args:
      key: rotates an even set as a whole, so that no pose is favoured over the examples.
      kind: `even` covers the family within its ranges, `random` draws from it,
        `right_angles` takes the 4 or 24 right-angle rotations.
      count: R, for `even` and `random`; with mirror images half of them are mirrored.

    Raises:
      InputError: an unknown kind.

    >>> import jax, avae_jax
    >>> family, ranges = avae_jax.parse_family("rotation", 2), avae_jax.RangeOptions()
    >>> avae_jax.start_poses(jax.random.key(0), family, ranges, kind="even", count=8).shape
    (8, 3, 3)
    """
    draw = look_up(STARTS, kind, "kind")
    return inverse(draw(key, group, ranges, count))


starts = start_poses  # The earlier name.


def _right_angles(key: Key, group: Family, ranges: RangeOptions, count: int) -> Array:
    return _with_mirrors(jnp.asarray(right_angles(group.d)), ranges)


def _random(key: Key, group: Family, ranges: RangeOptions, count: int) -> Array:
    return jax.vmap(lambda k: random_pose(k, group, ranges))(jax.random.split(key, count))


def _even(key: Key, group: Family, ranges: RangeOptions, count: int) -> Array:
    wanted = -(-count // 2) if ranges.reflect else count
    points = even_points(wanted, group.size).astype(np.float32)
    moved = (points + jax.random.uniform(key, (1, group.size), jnp.float32)) % 1
    poses = jax.vmap(lambda u: from_unit(group, ranges, u))(moved)
    return _with_mirrors(poses, ranges)[:count]


STARTS = {"even": _even, "random": _random, "right_angles": _right_angles}


def _with_mirrors(poses: Array, ranges: RangeOptions) -> Array:
    if not ranges.reflect:
        return poses
    flip = jnp.asarray(mirror(poses.shape[-1] - 1))
    return jnp.concatenate([poses, matmul(poses, flip[None])])
