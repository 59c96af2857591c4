"""The shape of the tail of weights: known distributions, equal weights, few weights."""

import jax
import numpy as np
import pytest

from avae_jax.inference.pareto import tail_shape

# One program for each size of a sample.
TAIL_SHAPE, TAIL_SHAPES = jax.jit(tail_shape), jax.jit(jax.vmap(tail_shape))


@pytest.mark.parametrize("shape", [0.2, 0.5, 1.0])
def test_shape_of_pareto_weights_is_found(shape):
    """The mean over many samples, drawn to the prior of 0.5 by a tenth of the tail."""
    u = np.random.default_rng(0).uniform(size=(200, 2000))
    found = np.asarray(TAIL_SHAPES(np.float32(-shape * np.log(u))))
    tail = 135  # three times the root of 2,000
    wanted = (tail * shape + 5) / (tail + 10)
    error = found.std() / len(found) ** 0.5
    assert abs(found.mean() - wanted) < max(4 * error, 0.05)


def test_scale_of_the_weights_does_not_matter():
    """Log weights of images are hundreds of nats below zero."""
    weights = np.float32(np.random.default_rng(1).normal(size=128))
    np.testing.assert_allclose(TAIL_SHAPE(weights - 900), TAIL_SHAPE(weights), atol=1e-3)


def test_equal_weights_are_finite_and_few_have_no_shape():
    """Equal ones have no tail, so nothing speaks against their mean."""
    assert TAIL_SHAPE(np.zeros(100, np.float32)) < 0.7
    assert np.isnan(TAIL_SHAPE(np.zeros(24, np.float32)))


def test_weights_of_which_one_is_all_are_not_trusted():
    """One draw hit the peak: the mean is what it says."""
    weights = np.float32(np.random.default_rng(2).normal(size=128))
    assert TAIL_SHAPE(30 * weights) > 0.7


@pytest.mark.parametrize(("count", "known"), [(24, False), (25, True)])
def test_shape_wants_five_weights_in_the_tail(count, known):
    log_weights = np.random.default_rng(0).normal(size=count).astype(np.float32)
    assert np.isfinite(jax.jit(tail_shape)(log_weights)) == known


@pytest.mark.parametrize(("count", "tail"), [(100, 20), (300, 52)])
def test_tail_is_a_fifth_of_few_weights_and_three_roots_of_many(count, tail):
    """Three times the root of 300 is 51.96. The next weight is the threshold, the last to count."""
    log_weights = np.linspace(0, -5, count).astype(np.float32)
    found = []
    for place in (tail, tail + 1):
        lower = log_weights.copy()
        lower[place] = (log_weights[place] + log_weights[place + 1]) / 2
        found.append(TAIL_SHAPE(lower) - TAIL_SHAPE(log_weights))
    assert abs(found[0]) > 1e-3
    assert found[1] == 0
