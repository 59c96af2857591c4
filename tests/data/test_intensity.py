"""Tests of `avae_jax.data.intensity`."""

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.intensity import Scaling, constant_examples, scaling_of, to_float


@pytest.mark.parametrize(
    ("dtype", "top"),
    [(np.uint8, 255), (np.uint16, 65535), (np.int16, 32767), (np.int32, 2**31 - 1)],
)
def test_to_float_divides_integers_by_their_range(dtype, top):
    """Integers are divided by the range of their type."""
    (values,), said = to_float([np.array([0, 2, top], dtype)], name="x")
    np.testing.assert_allclose(values, [0.0, 2 / top, 1.0], rtol=1e-6)
    assert values.dtype == np.float32 and f"divided by {top}." in said


def test_to_float_points_out_bytes_in_a_wide_type():
    """Bytes kept in a wide type are pointed out."""
    _, said = to_float([np.array([0, 255])], name="x")
    assert "The largest is only 255" in said


def test_constant_examples_uniform_colour():
    """A uniform colour is empty."""
    red = np.zeros((2, 4, 4, 3), np.float32)
    red[..., 0] = 1.0
    red[1, 0, 0, 0] = 0.5
    np.testing.assert_array_equal(constant_examples(red), [True, False])


def test_to_float_window_becomes_0_to_1():
    """A window of values becomes 0 to 1."""
    raw = np.array([-9, 0, 50, 100, 999], np.int16)
    (values,), said = to_float([raw], name="x", window=(0.0, 100.0))
    np.testing.assert_array_equal(values, np.float32([0, 0, 0.5, 1, 1]))
    assert said == "Values: 0 to 100 become 0 to 1."
    (values,), _ = to_float([np.float64([10, 15, 21])], name="x", window=(10.0, 20.0))
    np.testing.assert_array_equal(values, np.float32([0, 0.5, 1]))
    with pytest.raises(InputError, match="data.window=-9,999"):
        to_float([raw], name="x")


@pytest.mark.parametrize(("least", "largest"), [(0.5, 1e300), (-1e300, 0.5), (-1e300, 1e300)])
def test_scaling_leaves_numbers_too_large_to_the_check_of_examples(least, largest):
    """Which says the example; that they lie too close together would be wrong."""
    scaling, _ = scaling_of(np.dtype(np.float64), least, largest, name="x")
    assert scaling == Scaling(0, 1)
