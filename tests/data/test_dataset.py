"""Tests of `avae_jax.data.dataset`."""

import numpy as np
import pytest

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load, require_unit_interval
from avae_jax.data.dataset import Dataset, require_range
from tests.support.array_files import numbered, saved


def test_require_unit_interval_for_bernoulli(tmp_path):
    """A bernoulli likelihood wants the unit interval."""
    dataset = load(saved(tmp_path, numbered(5) - 1.5), seed=0)
    require_unit_interval(dataset, "gaussian")
    with pytest.raises(InputError, match=r"values from -1.5 to 2.5: .*\[0, 1\]"):
        require_unit_interval(dataset, "bernoulli")


def test_require_unit_interval_counts_the_fill():
    with pytest.raises(InputError, match="values from -2 to 1"):
        require_unit_interval(load(DataOptions(fill=-2.0), seed=0), "bernoulli")


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.25, 0.5)])
def test_require_range_takes_the_interval_with_its_ends(low, high):
    require_range(low, high, "bernoulli")
    for beyond in ((low - 1, high), (low, high + 1)):
        with pytest.raises(InputError, match="model.likelihood=bernoulli wants"):
            require_range(*beyond, "bernoulli")


def test_dataset_is_whole_unless_said_otherwise():
    values = np.zeros((2, 4, 4, 1), np.float32)
    assert not Dataset(values, values, None, None, (), np.zeros(1), binary=True, notes=()).masked
