"""How sure an alignment is of its angles, by modes that are known."""

import numpy as np
import pytest

from avae_jax.inference.averaging.near import Found
from avae_jax.inference.averaging.result import elsewhere

WIDE = np.radians(15.0)


def modes(angles, shares, deviation):
    """One image with modes at angles (degrees) of one deviation (radians)."""
    count = len(angles)
    spread = np.tile(np.diag([deviation**2, 1, 1]), (1, count, 1, 1))
    place = np.zeros((1, count, 2))
    angle = np.radians([angles])
    return Found(angle, place, np.log([shares]), spread, np.zeros((1, 2, 4)))


def test_modes_far_off_count_and_near_ones_do_not():
    found = modes([10.0, 20.0, 10.0, 190.0], [0.5, 0.1, 0.2, 0.2], 1e-4)
    here = elsewhere(found, np.zeros(2), np.radians([10.0]))
    assert here == pytest.approx([0.2], abs=1e-6)


def test_a_wide_mode_is_partly_elsewhere():
    found = modes([0.0, 360.0], [0.5, 0.5], WIDE)
    # Beyond one standard deviation of a bell.
    assert elsewhere(found, np.zeros(1), np.zeros(1)) == pytest.approx([0.3173], abs=1e-3)


def test_angles_are_compared_in_the_frame_of_all_classes():
    """The second class stands 90 degrees on: its mode at 95 degrees is the first's at 5."""
    found = modes([0.0, 95.0], [0.6, 0.4], 1e-4)
    turned = np.radians([0.0, 90.0])
    assert elsewhere(found, turned, np.zeros(1)) == pytest.approx([0], abs=1e-6)
    assert elsewhere(found, np.zeros(2), np.zeros(1)) == pytest.approx([0.4], abs=1e-6)
