"""Tests of `avae_jax.data.sources.labels`."""

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.sources.labels import check_labels, index_labels


def test_index_labels_counts_the_values_of_all_splits():
    (train, test), names = index_labels(np.array([7, -1, 7]), np.array([3]))
    assert names == ("-1", "3", "7")
    np.testing.assert_array_equal(train, [2, 0, 2])
    np.testing.assert_array_equal(test, [1])
    assert train.dtype == test.dtype == np.int32


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.array([0.5, 1.0]), "labels of dtype float64; integers or strings are wanted"),
        (np.array([0, 1, 2]), r"labels of shape \(3,\) for 2 examples"),
        (np.array([[0], [1]]), r"labels of shape \(2, 1\) for 2 examples"),
    ],
)
def test_check_labels_refuses_others(labels, said):
    with pytest.raises(InputError, match=f"x: {said}"):
        check_labels(labels, 2, name="x")


@pytest.mark.parametrize("labels", [np.array([4, 4], np.uint8), np.array(["cat", "dog"])])
def test_check_labels_returns_one_value_an_example(labels):
    assert check_labels(labels, 2, name="x") is labels
