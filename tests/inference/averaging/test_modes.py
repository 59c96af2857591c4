"""Modes of images along the angle."""

import functools

import jax.numpy as jnp
import numpy as np

from avae_jax.inference.averaging.data import held
from avae_jax.inference.averaging.disc import Disc, to_disc
from avae_jax.inference.averaging.local import Poses, distinct
from avae_jax.inference.averaging.model import Common, Model
from avae_jax.inference.averaging.modes import Modes, modes, peaks, uprights
from avae_jax.inference.averaging.sampling import Level
from benchmarks.stacks.particles import RODS, draw

LEVEL = Level(Disc(16, 7), 72, 1.0, 1.0)


def test_peaks_are_apart_the_best_first_and_as_many_as_are_likely():
    """Two hills, 100 degrees apart, the lower one 3 nats below; a third that is too low."""
    turn = np.full((4, 1, 72), -60.0)
    turn[:, 0, 9:12] = -1, 0, -2
    turn[:2, 0, 29:32] = -5, -3, -4
    turn[:2, 0, 50] = -40
    place = np.zeros(turn.shape, np.int16)
    place[:, :, 30] = 2
    none = np.zeros((4, 1))
    found = peaks(Modes(none, none, np.zeros((4, 1, 2)), turn, place), LEVEL, 4)
    np.testing.assert_allclose(np.degrees(found.angle), [[50, 150]] * 2 + [[50, 50]] * 2, atol=1e-3)
    np.testing.assert_allclose(found.shift[0], LEVEL.shifts[[0, 2]])


def test_poses_that_come_to_one_place_count_once():
    angle = np.array([0.5, 30.0], np.float32)
    one = Poses(angle, np.zeros((2, 2)), np.zeros(2), np.zeros((2, 3, 3)))
    other = one._replace(angle=np.array([71.5, 40.0], np.float32), logs=np.full(2, -1.0))
    kept = distinct([one, other], level=LEVEL)
    np.testing.assert_array_equal(kept[0].logs, [0, 0])
    np.testing.assert_array_equal(kept[1].logs, [-np.inf, -1])


DISC = Disc(16, 7)
EIGHTHS = Level(DISC, 8, 1.0, 1.0)
EIGHTH = np.float32(np.pi / 4)
# Eighths of a turn, and pixels, of three images: two of them in one batch.
TURNS, SHIFTS = np.array([2, 6, 0]), np.array([[0, 1], [-1, 0], [0, 0]])


@functools.cache
def moved_objects():
    """The vector `[1, P]` of an object, and images of it as `TURNS` and `SHIFTS` say."""
    drawings = draw(
        RODS["hinged"][0], 16, np.append(0, 45.0 * TURNS), np.append([[0, 0]], SHIFTS, 0)
    )
    data = held(drawings[1:, ..., None], DISC, size=2, centre=(7.5, 7.5))
    return np.asarray(to_disc(jnp.asarray(drawings[:1]), DISC)), data


def test_modes_are_the_turns_and_shifts_of_the_images():
    vector, data = moved_objects()
    common = Common(np.full((1, 7), 1e-2, np.float32), *np.float32([0.1, 1, 1]))
    model = Model(vector[None], np.ones((1, 1, 7)), np.zeros(1), np.ones(1, np.float32), common)
    found = modes(data, model, EIGHTHS)
    np.testing.assert_allclose(found.angle[:, 0], TURNS * EIGHTH, rtol=1e-6)
    np.testing.assert_array_equal(found.shift[:, 0], SHIFTS)
    np.testing.assert_array_equal(found.turn[:, 0].argmax(1), TURNS)
    places = found.place[np.arange(3), 0, TURNS]
    np.testing.assert_array_equal(EIGHTHS.shifts[places], SHIFTS)


def test_uprights_are_the_object_wherever_it_was():
    vector, data = moved_objects()
    made = uprights(data, TURNS * EIGHTH, SHIFTS)
    assert made.shape == (3, *vector.shape)
    assert ((made - vector) ** 2).sum((1, 2)).max() < 1e-3 * (vector**2).sum()
