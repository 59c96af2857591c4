"""Modes of images along the angle."""

import numpy as np

from avae_jax.inference.averaging.disc import Disc
from avae_jax.inference.averaging.local import Poses, distinct
from avae_jax.inference.averaging.modes import Modes, peaks
from avae_jax.inference.averaging.sampling import Level

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
