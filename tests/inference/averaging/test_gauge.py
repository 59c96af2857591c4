"""The frame of all classes: what their averages have in common."""

import functools

import jax
import numpy as np
import pytest
from scipy.stats import cauchy

from avae_jax.inference.averaging import gauge
from avae_jax.inference.averaging.disc import Disc, to_disc
from avae_jax.inference.averaging.gauge import registered, rotated, spread_of
from benchmarks.stacks.galaxies import _galaxy
from benchmarks.stacks.particles import RODS, draw

SIDE = 24
DISC = Disc(SIDE, 11)
STILL = np.zeros((1, 2))


def vectors(images: np.ndarray) -> np.ndarray:
    """Vectors `[K, C, P]` of images `[K, C, n, n]`."""
    return np.asarray(jax.jit(functools.partial(to_disc, disc=DISC))(images))


def hinged(degrees: tuple[float, ...], shifts: np.ndarray) -> np.ndarray:
    """The three conformations of the hinged arm, each turned and shifted."""
    drawn = zip(RODS["hinged"], degrees, shifts, strict=True)
    return vectors(
        np.stack([draw(rods, SIDE, np.array([a]), np.array([s])) for rods, a, s in drawn])
    )


@pytest.mark.parametrize("true", [0.0, 0.5, 1.5])
def test_the_spread_of_shifts_is_told_from_what_noise_adds(true):
    rng = np.random.default_rng(0)
    noise = rng.uniform(0.1, 0.4, 4000)
    plain = rng.normal(0, np.sqrt(true**2 + noise))
    prior = 1.0
    variance = 1 / (1 / noise + 1 / prior**2)
    found = spread_of(plain * variance / noise, variance, prior)
    assert abs(found - true) < 0.12


def test_averages_are_laid_on_what_they_have_in_common():
    """The arm moves, the body does not: 10 degrees and 0.8 pixels between the averages."""
    first = draw(RODS["hinged"][0], SIDE, np.zeros(1), STILL)
    second = draw(RODS["hinged"][1], SIDE, np.array([10.0]), np.array([[0.8, 0.0]]))
    found = registered(vectors(np.stack([first, second])), DISC, np.array([0.6, 0.4]))
    assert abs(np.degrees(found[1, 0]) + 10) < 2
    np.testing.assert_allclose(found[1, 1:], rotated(np.array([-0.8, 0.0]), found[1, 0]), atol=0.3)


@pytest.mark.standard
@pytest.mark.parametrize("largest", [0, 1, 2])
def test_frame_does_not_depend_on_which_class_is_the_largest(largest):
    turns, shifts = (0.0, 10.0, -8.0), np.array([[0.0, 0.0], [0.8, 0.0], [0.0, -0.6]])
    shares = np.where(np.arange(3) == largest, 0.4, 0.3)
    found = registered(hinged(turns, shifts), DISC, shares)
    np.testing.assert_array_equal(found[largest], 0)
    back = np.degrees(found[:, 0]) + turns
    np.testing.assert_allclose((back - back[largest] + 180) % 360, 180, atol=2)
    # A point at the centre of the body is carried to where it is in the largest class.
    centres = rotated(shifts, found[:, 0]) + found[:, 1:]
    np.testing.assert_allclose(centres, np.broadcast_to(shifts[largest], (3, 2)), atol=0.3)


def relative_width(images: np.ndarray) -> float:
    """The width of differences of images `[K, C, n, n]`, in their deviation."""
    weight = np.full(len(images), 1 / len(images))
    mean = np.abs(images.mean(0)).sum(0)
    inside = mean > gauge.INSIDE * mean.max()
    about = (images - images.mean(0))[:, :, inside]
    return np.sqrt(gauge._width(images, weight, inside) / about.var())


def test_differences_are_narrow_where_an_arm_moves_and_wide_where_all_differ():
    arms = np.stack([draw(rods, SIDE, np.zeros(1), STILL) for rods in RODS["hinged"]])
    axes = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) / (SIDE / 2)
    spirals = np.stack([_galaxy(np.moveaxis(axes, 0, -1), 0.0, 0.7, w) for w in (2.3, 2.7, 3.1)])
    narrow = relative_width(arms)
    assert narrow < 0.1
    assert relative_width(np.moveaxis(spirals, -1, 1)) > 3 * narrow


def test_width_is_the_likeliest_of_cauchys_density():
    half = np.random.default_rng(0).normal(0, 0.3, (3, 40, 40))
    images, inside = np.stack([half, -half]), np.ones((40, 40), bool)
    found = gauge._width(images, np.array([0.5, 0.5]), inside)
    # The sum of squares about the mean, of one degree of freedom, is twice that of a half.
    wanted = cauchy.fit(np.sqrt(2) * half.ravel(), floc=0)[1]
    assert np.sqrt(found) == pytest.approx(wanted, rel=2e-3)
