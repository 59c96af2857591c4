"""Where searches start, and which starts are kept."""

import functools

import jax
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.inference.search import starts
from avae_jax.transform import factorise, family, inverse
from avae_jax.transform.sampling import right_angles

RANGES = RangeOptions(rotation=60.0, shift=0.15, scale=1.5, shear=0.3)


@functools.cache
def maker(name: str, d: int, ranges: RangeOptions, **options):
    """One program for every seed."""
    make = functools.partial(starts, group=family(name, d), ranges=ranges, **options)
    return jax.jit(lambda seed: make(jax.random.key(seed)))


def begin(seed: int, name: str, d: int, ranges: RangeOptions, **options) -> np.ndarray:
    return np.asarray(maker(name, d, ranges, **options)(seed))


def angles(poses: np.ndarray) -> np.ndarray:
    return np.sort(np.degrees(np.arctan2(poses[:, 1, 0], poses[:, 0, 0])))


@pytest.mark.parametrize("count", [1, 5])
def test_starts_even_on_a_circle(count):
    """Even starts of a circle are equally far apart."""
    found = angles(begin(0, "rotation", 2, RangeOptions(), kind="even", count=count))
    gaps = np.diff(np.append(found, found[0] + 360))
    np.testing.assert_allclose(gaps, np.full(count, 360 / count), atol=1e-3)


def test_starts_even_turned_by_the_key():
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


def test_starts_random_follow_the_key():
    one, two = (begin(seed, "rigid", 2, RANGES, kind="random", count=4) for seed in (0, 1))
    assert np.abs(one - two).max() > 0.1
    assert np.abs(one[0] - one[1]).max() > 1e-3


@pytest.mark.parametrize(("d", "order"), [(2, 4), (3, 24)])
def test_starts_right_angles_whatever_the_count(d, order):
    """Right angle starts are the group whatever the count."""
    poses = begin(0, "rotation", d, RangeOptions(), kind="right_angles", count=5)
    assert poses.shape == (order, d + 1, d + 1)
    expected = {matrix.round().astype(int).tobytes() for matrix in right_angles(d)}
    assert {matrix.round().astype(int).tobytes() for matrix in poses} == expected


@pytest.mark.parametrize(("kind", "total"), [("even", 9), ("right_angles", 8)])
def test_starts_half_mirrored_with_reflection(kind, total):
    """Half of the starts are mirrored where reflection is allowed."""
    poses = begin(0, "rotation", 2, RangeOptions(reflect=True), kind=kind, count=9)
    mirrored = np.linalg.det(poses) < 0
    assert len(poses) == total
    assert mirrored.sum() == total // 2
