"""Tests of `avae_jax.transform.frame`."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.transform.families import Family, family
from avae_jax.transform.frame import Frame, coordinates, extend, frame, pad, support, support_radius
from avae_jax.transform.sampling import from_unit, reach
from avae_jax.transform.warp import warp

pytestmark = pytest.mark.standard
FAMILIES = ["rotation", "translation", "rigid", "similarity", "affine"]
BENDING = ["rotation+shear_yx", "rotation+scale_x", "shear_yx"]


@functools.cache
def wide_poses(group: Family, ranges: RangeOptions) -> jax.Array:
    """Random poses within the ranges, and those at the corners of the unit cube."""
    corners = list(itertools.product((0, 1), repeat=group.size))
    u = np.concatenate([np.random.default_rng(0).random((200, group.size)), corners])
    return jax.jit(jax.vmap(lambda u: from_unit(group, ranges, u)))(jnp.float32(u))


def farthest(group: Family, poses: jax.Array, inner: Frame, outer: Frame) -> float:
    """Pixels by which the support, moved by poses of the object, passes the outer frame."""
    points = coordinates(inner)[support(inner)[..., 0] > 0]
    poses = np.asarray(poses)
    moved = np.einsum("pij,nj->pni", poses[:, :-1, :-1], points) + poses[:, None, :-1, -1]
    pixels = np.abs(moved) * outer.unit / np.array(outer.spacing)
    return float((pixels - (np.array(outer.shape) - 1) / 2).max())


GRIDS = {
    2: [frame((9, 9)), frame((8, 13), spacing=(1.0, 0.7))],
    3: [frame((6, 6, 6)), frame((5, 6, 7))],
}
RANGES = RangeOptions(shift=0.15, scale=1.5, shear=0.3, reflect=True)


@pytest.mark.parametrize(
    ("name", "d"), [*itertools.product(FAMILIES, (2, 3)), *((name, 2) for name in BENDING)]
)
def test_extend_holds_the_support_at_every_pose(name, d):
    """The support stays inside the outer frame at every pose."""
    group = family(name, d)
    for inner in GRIDS[d]:
        outer = extend(inner, *reach(group, RANGES))
        assert farthest(group, wide_poses(group, RANGES), inner, outer) < 1e-3


@functools.partial(jax.jit, static_argnames=("inner", "outer"))
def masses(poses: jax.Array, *, inner: Frame, outer: Frame) -> jax.Array:
    """What a full support weighs in the outer frame, at each pose of the object."""
    full, nothing = jnp.asarray(support(inner)), jnp.zeros(1)
    draw = functools.partial(warp, full, fill=nothing, source=inner, target=outer)
    return jax.vmap(lambda pose: draw(pose=pose).sum())(poses)


@pytest.mark.parametrize("name", ["rotation", "translation", "affine"])
def test_extend_loses_no_decoded_mass(name):
    """No decoded mass is lost on the way to the outer frame."""
    group, inner = family(name, 2), frame((12, 12))
    outer = extend(inner, *reach(group, RANGES))
    poses = wide_poses(group, RANGES)
    kept, whole = (masses(poses, inner=inner, outer=grid) for grid in (outer, pad(outer, (6, 6))))
    assert (np.asarray(kept / whole) > 0.99).all()


def test_support_is_the_inscribed_ball():
    inner = frame((7, 9))
    assert support_radius(inner) == pytest.approx(3 / 4.5)
    mask = support(inner)[..., 0]
    assert mask[3].tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert mask[0].tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("d", [2, 3])
def test_extend_needs_room_for_shifts_alone(d):
    """Rotations need no larger frame and shifts need their pixels."""
    grid = frame((20,) * d)
    assert extend(grid, *reach(family("rotation", d), RangeOptions())) == grid
    shifted = extend(grid, *reach(family("rigid", d), RangeOptions(shift=0.2)))
    assert shifted.shape == (28,) * d
    assert shifted.unit == grid.unit


def test_coordinates_count_half_the_longest_side():
    """Coordinates count half the longest side from the centre."""
    grid = frame((4, 8))
    np.testing.assert_allclose(coordinates(grid)[0, 0], [-1.5 / 4, -3.5 / 4])
    np.testing.assert_allclose(coordinates(grid)[3, 7], [1.5 / 4, 3.5 / 4])
    spaced = frame((4, 8), spacing=(3.0, 1.0))
    assert spaced.unit == 6
    np.testing.assert_allclose(coordinates(spaced)[0, 0], [-4.5 / 6, -3.5 / 6])
    wide = pad(grid, (2, 1))
    assert (wide.shape, wide.unit) == ((8, 10), grid.unit)
    np.testing.assert_allclose(coordinates(wide)[2:-2, 1:-1], coordinates(grid))
