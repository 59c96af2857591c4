"""Deviations and the probability of another optimum, of mixtures made by hand."""

import functools
import math

import jax
import numpy as np
import pytest

from avae_jax.inference.uncertainty import is_near, known_poses, uncertainty
from avae_jax.transform import family, retract
from avae_jax.transform.mixture import Mixture


def mixture(group, steps, spreads, shares):
    """Normals at `steps [K, P]` from the identity, with deviations `spreads [K, P]`."""
    return Mixture(
        moved(group, steps),
        np.stack([np.diag(row) for row in np.float32(spreads)]),
        np.log(np.float32(shares)),
    )


MOST = 3


@functools.cache
def mover(group):
    """One program for however many steps, up to `MOST`."""
    still = np.eye(group.d + 1, dtype=np.float32)
    return jax.jit(jax.vmap(lambda step: retract(group, still, step)))


def moved(group, steps):
    """The identity moved by local coordinates `[K, P]`."""
    padded = np.zeros((MOST, group.size), np.float32)
    padded[: len(steps)] = steps
    return np.asarray(mover(group)(padded))[: len(steps)]


@functools.cache
def measure(group):
    return jax.jit(functools.partial(uncertainty, group=group))


def known(group, *what):
    found = measure(group)(mixture(group, *what), np.eye(group.d + 1, dtype=np.float32))
    return [float(value) for value in found]


@pytest.mark.standard
def test_deviation_of_one_normal_is_its_own():
    """Rotations in degrees, shifts in coordinates along one axis."""
    group = family("rigid", 2)
    found = known(group, [[0, 0, 0]], [[0.1, 0.03, 0.05]], [1.0])
    expected = [np.degrees(0.1), np.sqrt((0.03**2 + 0.05**2) / 2)]
    np.testing.assert_allclose(found[:2], expected, atol=1e-5)
    # 15 degrees are 2.6 deviations of this rotation alone.
    assert found[2] < 0.03


@pytest.mark.standard
def test_another_optimum_counts_apart_and_a_near_one_adds_its_distance():
    """Half a turn off with a share of 0.3; 0.1 radians off with half of the rest."""
    group = family("rotation", 2)
    steps, shares = [[0.0], [0.1], [np.pi - 0.01]], [0.35, 0.35, 0.3]
    found = known(group, steps, [[0.05], [0.05], [0.5]], shares)
    expected = [np.degrees(np.sqrt(0.05**2 + 0.1**2 / 2)), 0]
    np.testing.assert_allclose(found[:2], expected, atol=1e-4)
    assert found[2] == pytest.approx(0.3, abs=0.01)


def test_missed_optimum_is_elsewhere():
    """What no optimum of the mixture holds is elsewhere; deviations do not depend on it."""
    group = family("rotation", 2)
    what = mixture(group, [[0.0], [2.0]], [[0.05]] * 2, [0.9, 0.1])
    still = np.eye(3, dtype=np.float32)
    plain, missed = (measure(group)(what, still, anywhere=share) for share in (0.0, 0.2))
    assert float(missed.elsewhere) == pytest.approx(0.2 + 0.8 * float(plain.elsewhere))
    assert float(missed.degrees) == float(plain.degrees)


@pytest.mark.parametrize("spread", [0.05, 0.2, 0.5])
def test_flat_optimum_is_apart_as_often_as_its_normal_says(spread):
    """Its tails lie beyond fifteen degrees, whatever optimum they belong to."""
    found = known(family("rotation", 2), [[0.0]], [[spread]], [1.0])
    beyond = math.erfc(np.radians(15) / spread / np.sqrt(2))
    assert found[2] == pytest.approx(beyond, abs=4 * np.sqrt(beyond * (1 - beyond) / 256) + 0.01)


@pytest.mark.standard
def test_angle_of_a_volume_sums_over_its_axes():
    """The root of the mean squared angle of a rotation by small steps about three axes."""
    group = family("rotation", 3)
    found = known(group, [[0, 0, 0]], [[0.1, 0.1, 0.1]], [1.0])
    np.testing.assert_allclose(found[:2], [np.degrees(0.1 * np.sqrt(3)), 0], atol=1e-4)


def test_pose_that_no_optimum_is_near_is_elsewhere():
    """All of it; the deviation is that from the nearest optimum that counts."""
    group = family("rotation", 2)
    three = mixture(group, [[0.8], [2.0], [0.5]], [[0.1]] * 3, [0.4, 0.6, 1.0])
    unused = three._replace(log_weights=three.log_weights + np.float32([0, 0, -np.inf]))
    still = np.eye(3, dtype=np.float32)
    degrees, _, elsewhere = measure(group)(unused, still)
    assert elsewhere == 1
    assert degrees == pytest.approx(math.degrees(math.hypot(0.8, 0.1)), rel=1e-3)


@pytest.mark.parametrize(("degrees", "expected"), [(14.5, True), (15.5, False)])
def test_poses_are_near_by_their_angle(degrees, expected):
    """Fifteen degrees is the distance of two optima."""
    group = family("rotation", 2)
    turned = moved(group, [[np.radians(degrees)]])
    assert bool(jax.jit(is_near)(turned, np.eye(3, dtype=np.float32))[0]) is expected


def test_optimum_that_no_step_reaches_counts_for_nothing():
    """A mirror image has no local coordinates; the deviation is that of the other optimum."""
    group = family("rotation", 2)
    two = mixture(group, [[0.1], [0.0]], [[0.2]] * 2, [0.5, 0.5])
    mirrored = two._replace(centres=np.stack([two.centres[0], np.diag([1, -1, 1])]))
    still = np.eye(3, dtype=np.float32)
    found = measure(group)(mirrored._replace(centres=np.float32(mirrored.centres)), still)
    assert found.degrees == pytest.approx(math.degrees(math.hypot(0.1, 0.2)), rel=1e-3)


def test_known_poses_are_those_of_each_and_miss_nothing_unless_told():
    group = family("rotation", 2)
    what = mixture(group, [[0.0], [2.0]], [[0.05]] * 2, [0.9, 0.1])
    still = np.eye(3, dtype=np.float32)
    both = type(what)(*(np.stack([leaf, leaf]) for leaf in what))
    found = known_poses(both, np.stack([still, still]), group)
    expected = measure(group)(what, still)
    for name in expected._fields:
        np.testing.assert_allclose(getattr(found, name), [getattr(expected, name)] * 2, rtol=1e-6)
