"""Tests of `avae_jax.alignment.stack_statistics`."""

import numpy as np
import pytest

from avae_jax.alignment import stack_statistics
from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack


def surveyed(path, array):
    np.save(path, array)
    with open_stack(str(path)) as stack:
        return stack_statistics.survey(stack, DataOptions())


def test_survey_of_all_examples_whatever_the_pieces(tmp_path, monkeypatch):
    array = np.random.default_rng(0).integers(0, 60_000, (7, 6, 5)).astype("u2")
    found = surveyed(tmp_path / "x.npy", array)
    assert (found.least, found.largest) == (array.min(), array.max())
    np.testing.assert_allclose(found.mean[..., 0], array.mean(0))
    monkeypatch.setattr(stack_statistics, "BYTES", 2 * 6 * 5 * 2)
    assert surveyed(tmp_path / "y.npy", array).digest == found.digest
    array[6, 5, 4] ^= 1
    assert surveyed(tmp_path / "z.npy", array).digest != found.digest


def test_survey_names_an_example_not_finite(tmp_path):
    array = np.zeros((7, 6, 5), np.float32)
    array[4, 1, 1] = np.inf
    with pytest.raises(InputError, match="example 4 holds NaN or infinity"):
        surveyed(tmp_path / "x.npy", array)
