"""Poses drawn at random, evenly spread, by right angles; and the room that they need."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from scipy.stats.qmc import discrepancy

from avae_jax.config.options import RangeOptions
from avae_jax.transform.families import Family, family
from avae_jax.transform.frame import frame
from avae_jax.transform.matrices import factorise, rotation_angle
from avae_jax.transform.sampling import (
    even_points,
    even_rotations,
    from_unit,
    mirror,
    quaternion_matrix,
    random_pose,
    right_angles,
    uniform_quaternion,
)
from avae_jax.transform.warp import warp

pytestmark = pytest.mark.standard
move = jax.jit(warp, static_argnames=("source", "target"))


@functools.cache
def random_poses(group: Family, ranges: RangeOptions, count: int) -> jax.Array:
    keys = jax.random.split(jax.random.key(0), count)
    return jax.jit(jax.vmap(lambda key: random_pose(key, group, ranges)))(keys)


@functools.cache
def wide_poses(group: Family, ranges: RangeOptions) -> jax.Array:
    """Random poses within the ranges, and those at the corners of the unit cube."""
    corners = list(itertools.product((0, 1), repeat=group.size))
    u = np.concatenate([np.random.default_rng(0).random((200, group.size)), corners])
    return jax.jit(jax.vmap(lambda u: from_unit(group, ranges, u)))(jnp.float32(u))


@pytest.mark.parametrize(
    ("name", "d"),
    [
        ("affine", 2),
        ("affine", 3),
        ("similarity", 2),
        ("scale+scale_x", 2),
        ("rotation_zy+rotation_zx", 3),
    ],
)
def test_from_unit_within_the_ranges_and_fills_them(name, d):
    """Poses stay within their ranges and fill them."""
    ranges = RangeOptions(rotation=60.0, shift=0.15, scale=1.5, shear=0.3)
    group = family(name, d)
    factors = jax.jit(factorise)(wide_poses(group, ranges))
    largest = {
        "rotation": np.degrees(rotation_angle(factors.rotation).max()),
        "shift": np.abs(factors.shift).max() / 2,
        "scale": np.exp(np.abs(np.log(factors.scale)).max()),
        "shear": np.abs(factors.shear).max(),
    }
    for kind, value in largest.items():
        limit, least = getattr(ranges, kind), 1.0 if kind == "scale" else 0.0
        if group.has(kind):
            assert 0.9 * limit < value < limit + 1e-3
        else:
            np.testing.assert_allclose(value, least, atol=1e-3)


def test_from_unit_shift_is_a_share_of_the_longest_side():
    """20 % of 40 pixels are 8 pixels, on both axes of a 24 x 40 image."""
    group, grid = family("translation", 2), frame((24, 40))
    pose = from_unit(group, RangeOptions(shift=0.2), jnp.ones(2))
    image = np.zeros((24, 40, 1), np.float32)
    image[10, 10] = 1
    moved = move(image, pose, jnp.zeros(1), source=grid, target=grid)
    assert moved[18, 18, 0] == pytest.approx(1, abs=1e-4)


def test_random_pose_uniform_in_the_plane():
    """Rotations of the plane are uniform."""
    rotation = random_poses(family("rotation", 2), RangeOptions(), 2000)[:, :2, :2]
    angles = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    assert scipy.stats.kstest(angles, "uniform", (-np.pi, 2 * np.pi)).pvalue > 0.01


def test_random_pose_uniform_in_space():
    """Rotations of space are uniform."""
    rotation = random_poses(family("rotation", 3), RangeOptions(), 4000)[:, :3, :3]
    # Each entry has mean 0 and variance 1/3; the angle has density (1 - cos) / pi.
    assert np.linalg.norm(rotation.mean(0)) < 0.05
    np.testing.assert_allclose((rotation**2).mean(0), np.full((3, 3), 1 / 3), atol=0.03)
    angles = rotation_angle(rotation)
    assert scipy.stats.kstest(angles, lambda a: (a - np.sin(a)) / np.pi).pvalue > 0.01


def test_random_pose_half_mirrored_with_reflection():
    """Half of the poses are mirrored where reflection is allowed."""
    poses = random_poses(family("similarity", 2), RangeOptions(reflect=True), 1000)
    mirrored = np.linalg.det(poses) < 0
    assert 0.45 < mirrored.mean() < 0.55
    assert (np.asarray(jax.jit(factorise)(poses).scale[:, -1] < 0) == mirrored).all()


def test_mirror_reverses_the_last_axis():
    image = np.random.default_rng(0).random((4, 5, 2), np.float32)
    grid = frame((4, 5))
    found = move(image, jnp.asarray(mirror(2)), jnp.zeros(2), source=grid, target=grid)
    np.testing.assert_allclose(found, image[:, ::-1], atol=1e-6)


def test_quaternion_matrix_turns_about_its_vector():
    half = np.pi / 6
    about_first = quaternion_matrix(jnp.float32([np.cos(half), np.sin(half), 0, 0]))
    cos, sin = np.cos(2 * half), np.sin(2 * half)
    np.testing.assert_allclose(about_first, [[1, 0, 0], [0, cos, -sin], [0, sin, cos]], atol=1e-6)


@pytest.mark.parametrize(("d", "order"), [(2, 4), (3, 24)])
def test_right_angles_are_a_group(d, order):
    group = right_angles(d)
    assert group.shape == (order, d + 1, d + 1)
    np.testing.assert_array_equal(group[0], np.eye(d + 1))
    np.testing.assert_array_equal(np.linalg.det(group).round(5), np.ones(order))
    elements = {matrix.tobytes() for matrix in group.astype(int)}
    products = (group[:, None] @ group[None]).astype(int).reshape(-1, d + 1, d + 1)
    assert len(elements) == order
    assert {matrix.tobytes() for matrix in products} == elements


@pytest.mark.parametrize("dimensions", [1, 3, 6])
def test_even_points_cover_the_cube(dimensions):
    """More evenly than random sets do, for every count."""
    for count in (8, 33, 256):
        points = even_points(count, dimensions)
        random = np.random.default_rng(0).random((20, count, dimensions))
        assert points.shape == (count, dimensions)
        assert ((points >= 0) & (points < 1)).all()
        assert discrepancy(points) < 0.9 * np.mean([discrepancy(each) for each in random])


def test_even_points_cover_the_rotations():
    """No rotation is far from the nearest of 256."""
    group = family("rotation", 3)
    points = jnp.asarray(even_points(256, 3), jnp.float32)
    even = np.asarray(jax.jit(jax.vmap(lambda u: from_unit(group, RangeOptions(), u)))(points))
    others = np.asarray(random_poses(group, RangeOptions(), 4000))[:500]
    # trace(A^T B) = 1 + 2 cos(angle)
    traces = np.einsum("aij,bij->ab", others[:, :3, :3], even[:, :3, :3]).max(1)
    nearest = np.degrees(np.arccos((traces - 1) / 2))
    assert nearest.max() < 45
    assert nearest.mean() < 25


@pytest.mark.parametrize("count", [512, 1024])
def test_even_rotations_leave_smaller_gaps_than_even_points(count):
    """Farthest of many random rotations from the nearest of the set."""
    spiral = even_rotations(count)
    assert spiral.shape == (count, 4)
    np.testing.assert_allclose(np.linalg.norm(spiral, axis=1), np.ones(count), atol=1e-12)
    points = even_points(count, 3)
    recurrence = np.asarray(jax.jit(jax.vmap(uniform_quaternion))(jnp.float32(points)))
    others = np.random.default_rng(0).normal(size=(4000, 4))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    spiral_gap, gap = (
        2 * np.degrees(np.arccos(np.abs(others @ each.T).max(1).clip(0, 1).min()))
        for each in (spiral, recurrence)
    )
    assert spiral_gap < 0.9 * gap
    # Balls of this radius would fill SO(3) if they did not overlap.
    assert spiral_gap < 3 * np.degrees((6 * np.pi / count) ** (1 / 3))


@pytest.mark.parametrize(("d", "order"), [(2, 4), (3, 24)])
def test_random_pose_right_angles_alone(d, order):
    """Objects at right angles meet all of them and nothing else."""
    ranges = RangeOptions(right_angles=True)
    keys = jax.random.split(jax.random.key(0), 40 * order)
    poses = jax.vmap(lambda key: random_pose(key, family("rotation", d), ranges))(keys)
    met = {pose.tobytes() for pose in np.asarray(poses)}
    assert met == {pose.tobytes() for pose in right_angles(d)}
