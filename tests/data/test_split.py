"""Tests of `avae_jax.data.split`."""

import numpy as np
import pytest

from avae_jax.data import load
from tests.support.array_files import numbered, saved


def numbers(images):
    return images[:, 0, 0, 0].astype(int)


def test_split_depends_on_the_seed(tmp_path):
    """The same seed gives the same split and another seed another."""
    options = saved(tmp_path, numbered(50))
    first, again, other = (load(options, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.train, again.train)
    np.testing.assert_array_equal(first.test, again.test)
    assert (numbers(first.test) != numbers(other.test)).any()


def test_split_shares_and_loses_no_example(tmp_path):
    """Splits share no example and lose none."""
    dataset = load(saved(tmp_path, numbered(50), test_fraction=0.3), seed=1)
    assert len(dataset.test) == 15
    both = np.concatenate([numbers(dataset.train), numbers(dataset.test)])
    assert sorted(both) == list(range(50)) and list(both) != list(range(50))


def test_split_limit_takes_the_first_of_each(tmp_path):
    """Limit caps each split with the first of the same order."""
    whole = load(saved(tmp_path, numbered(50)), seed=1)
    part = load(saved(tmp_path, numbered(50), limit=6), seed=1)
    np.testing.assert_array_equal(part.train, whole.train[:6])
    np.testing.assert_array_equal(part.test, whole.test[:6])


@pytest.mark.parametrize(
    ("count", "fraction", "test"), [(2, 0.01, 1), (2, 0.9, 1), (5, 0.01, 1), (4, 0.9, 3)]
)
def test_split_leaves_an_example_on_either_side(tmp_path, count, fraction, test):
    """Either split has at least one example."""
    dataset = load(saved(tmp_path, numbered(count), test_fraction=fraction), seed=0)
    assert (len(dataset.train), len(dataset.test)) == (count - test, test)
