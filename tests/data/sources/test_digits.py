"""Tests of `avae_jax.data.sources.digits`."""

import numpy as np

from avae_jax.config.options import DataOptions
from avae_jax.data import load, require_unit_interval


def test_load_digits_by_default():
    dataset = load(DataOptions(), seed=0)
    assert dataset.train.shape == (1438, 8, 8, 1) and dataset.test.shape == (359, 8, 8, 1)
    assert dataset.train.dtype == dataset.test.dtype == dataset.fill.dtype == np.float32
    assert dataset.train.min() == 0.0 and dataset.train.max() == 1.0 and not dataset.binary
    assert dataset.label_names == tuple("0123456789") and dataset.train_labels.dtype == np.int32
    assert "1,438 training and 359 test examples of 8 x 8 x 1" in dataset.notes[-1]
    require_unit_interval(dataset, "bernoulli")
