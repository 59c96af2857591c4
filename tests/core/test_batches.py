"""Tests of `avae_jax.core.batches`."""

import numpy as np
import pytest

from avae_jax.core.batches import filled, in_batches


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_in_batches_of_one_size_gives_every_row_once(count):
    sizes = []

    def double(x, index):
        sizes.append(len(x))
        return {"x": 2 * x, "index": index}

    rows = np.arange(2 * count).reshape(count, 2)
    found = in_batches(double, rows, np.arange(count), size=4)
    np.testing.assert_array_equal(found["x"], 2 * rows)
    np.testing.assert_array_equal(found["index"], np.arange(count))
    assert set(sizes) == {4}


def test_filled_repeats_the_first_row():
    np.testing.assert_array_equal(filled(np.array([5, 6]), 4), [5, 6, 5, 5])
