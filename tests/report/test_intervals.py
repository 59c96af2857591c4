"""Tests of `avae_jax.report.intervals`."""

import numpy as np
import pytest

from avae_jax.report.intervals import difference, interval


def test_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    found = interval(values, np.mean)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2.0 / 20, rel=0.15)


@pytest.mark.standard
def test_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(2)
    found = [interval(random.normal(0.0, 1.0, 60), np.mean) for _ in range(100)]
    assert 88 <= sum(one.low <= 0 <= one.high for one in found) <= 100


def test_difference_of_the_same_examples_is_sharper():
    random = np.random.default_rng(3)
    first = random.normal(100.0, 20.0, 300)
    second = first + random.normal(1.0, 0.5, 300)
    paired = difference(first, second, np.mean, paired=True)
    apart = difference(first, second, np.mean, paired=False)
    assert paired.value == apart.value == pytest.approx(1.0, abs=0.1)
    assert paired.low > 0 and apart.low < 0
    assert (apart.high - apart.low) > 10 * (paired.high - paired.low)
