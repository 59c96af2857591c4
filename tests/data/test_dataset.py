"""Tests of `avae_jax.data.dataset`."""

import pytest

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load, require_unit_interval
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
