"""Tests of `avae_jax.alignment.compute`."""

import numpy as np
import pytest

from avae_jax.alignment import compute
from avae_jax.data import precision
from avae_jax.inference.uncertainty import Uncertainty
from avae_jax.transform import make_frame

pytestmark = pytest.mark.standard


def test_stored_rounds_and_keeps_the_range():
    """Values are rounded and kept in range."""
    values = np.array([-3.0, 0.49, 0.51, 254.6, 300.0], np.float32)
    np.testing.assert_array_equal(precision.stored(values, np.dtype("u1")), [0, 0, 1, 255, 255])
    np.testing.assert_array_equal(precision.stored(values, np.dtype("?")), [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(precision.stored(values, np.dtype(">f4")), values)


def test_save_rows_are_on_disk_before_they_are_said_to_be():
    calls = []

    class Noted:
        def sync(self):
            calls.append("rows")

        def __setattr__(self, name, value):
            calls.append((name, value))

    compute.save({"poses": Noted(), "losses": Noted()}, Noted(), 7)
    assert calls == ["rows", "rows", ("done", 7)]


def test_uncertain_shift_is_in_pixels_of_the_stack():
    """Half the longest side is one unit of the frame."""
    known = Uncertainty(np.array([3.0, 4.0]), np.array([0.1, 0.2]), np.array([0.0, 0.5]))
    found = compute.uncertain(known, make_frame((20, 10)))
    np.testing.assert_allclose(found, [[3, 1, 0], [4, 2, 0.5]])
