"""Where searches start, and which starts are kept."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.inference.search import starts
from avae_jax.inference.search.select import best_apart, lowest
from avae_jax.transform import factorise, family, inverse
from avae_jax.transform.matrices import plane_rotation
from avae_jax.transform.sampling import right_angles

RANGES = RangeOptions(rotation=60.0, shift=0.15, scale=1.5, shear=0.3)


def begin(seed: int, name: str, d: int, ranges: RangeOptions, **options) -> np.ndarray:
    make = functools.partial(starts, group=family(name, d), ranges=ranges, **options)
    return np.asarray(jax.jit(make)(jax.random.key(seed)))


def angles(poses: np.ndarray) -> np.ndarray:
    return np.sort(np.degrees(np.arctan2(poses[:, 1, 0], poses[:, 0, 0])))


@pytest.mark.parametrize("count", [1, 5])
def test_even_starts_of_a_circle_are_equally_far_apart(count):
    found = angles(begin(0, "rotation", 2, RangeOptions(), kind="even", count=count))
    gaps = np.diff(np.append(found, found[0] + 360))
    np.testing.assert_allclose(gaps, np.full(count, 360 / count), atol=1e-3)


def test_even_starts_are_turned_by_the_key():
    first, again, other = (
        begin(seed, "rotation", 2, RangeOptions(), kind="even", count=8) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(angles(first) - angles(other)).min() > 0.1


@pytest.mark.parametrize(
    ("name", "d", "kind"), [("affine", 2, "even"), ("affine", 2, "random"), ("rigid", 3, "even")]
)
def test_starts_are_inverses_of_poses_in_range(name, d, kind):
    group, count = family(name, d), 64
    poses = begin(0, name, d, RANGES, kind=kind, count=count)
    factors = jax.jit(lambda poses: factorise(inverse(poses)))(poses)
    assert poses.shape == (count, d + 1, d + 1)
    assert np.abs(factors.shift).max() <= 0.3 + 1e-4
    assert np.abs(factors.shear).max() <= (0.3 + 1e-4) * group.has("shear") + 1e-5
    assert np.abs(np.log(factors.scale)).max() <= np.log(1.5) * group.has("scale") + 1e-4
    # The middle of the range is met as much as its ends.
    assert np.abs(np.asarray(factors.shift).mean(0)).max() < 0.06


def test_random_starts_follow_the_key():
    one, two = (begin(seed, "rigid", 2, RANGES, kind="random", count=4) for seed in (0, 1))
    assert np.abs(one - two).max() > 0.1
    assert np.abs(one[0] - one[1]).max() > 1e-3


@pytest.mark.parametrize(("d", "order"), [(2, 4), (3, 24)])
def test_right_angle_starts_are_the_group_whatever_the_count(d, order):
    poses = begin(0, "rotation", d, RangeOptions(), kind="right_angles", count=5)
    assert poses.shape == (order, d + 1, d + 1)
    expected = {matrix.round().astype(int).tobytes() for matrix in right_angles(d)}
    assert {matrix.round().astype(int).tobytes() for matrix in poses} == expected


@pytest.mark.parametrize(("kind", "total"), [("even", 9), ("right_angles", 8)])
def test_half_of_the_starts_are_mirrored_where_reflection_is_allowed(kind, total):
    poses = begin(0, "rotation", 2, RangeOptions(reflect=True), kind=kind, count=9)
    mirrored = np.linalg.det(poses) < 0
    assert len(poses) == total
    assert mirrored.sum() == total // 2


def turns(*degrees: float) -> jax.Array:
    return plane_rotation(jnp.radians(jnp.float32(degrees)), (0, 1), 2)


def kept(poses: jax.Array, losses: list[float], keep: int, degrees: float) -> list[int]:
    return best_apart(poses, jnp.float32(losses), keep=keep, degrees=degrees).tolist()


def test_the_best_are_kept_that_are_apart():
    poses = turns(0, 10, 20, 90, 100, -175, 179)
    losses = [1, 0, 2, 5, 4, 7, 6.0]
    assert kept(poses, losses, 3, 0.0) == [1, 0, 2]
    assert kept(poses, losses, 3, 15.0) == [1, 4, 6]
    # 5 and 6 are 6 degrees apart, across the cut of the angle.
    assert kept(poses, losses, 4, 5.0) == [1, 0, 2, 4]


def test_near_ones_follow_where_too_few_are_apart():
    assert kept(turns(0, 1, 2, 90), [0, 1, 2, 3.0], 4, 15.0) == [0, 3, 1, 2]


def test_losses_that_are_not_finite_come_last():
    nothing = [np.nan, np.inf, 3, -np.inf, 2]
    losses = np.where(np.isfinite(nothing), nothing, np.inf)
    assert kept(turns(0, 90, 1, 180, 2), losses, 3, 15.0)[:2] == [4, 2]
    assert sorted(kept(turns(0, 90, 1), [np.inf] * 3, 3, 15.0)) == [0, 1, 2]


def test_the_lowest_is_the_first_of_them_as_argmin_finds_it():
    values = np.random.default_rng(0).integers(0, 4, (9, 5, 3)).astype(np.float32)
    values[2, 1] = np.inf
    np.testing.assert_array_equal(jax.jit(lowest)(values), values.argmin(0))
    assert lowest(jnp.full(4, jnp.inf)) == 0
