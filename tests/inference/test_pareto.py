"""The shape of the tail of weights: known distributions, equal weights, few weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.pareto import tail_shape


@pytest.mark.parametrize("shape", [0.2, 0.5, 1.0])
def test_shape_of_pareto_weights_is_found(shape):
    """The mean over many samples, drawn to the prior of 0.5 by a tenth of the tail."""
    u = np.random.default_rng(0).uniform(size=(200, 2000))
    found = np.asarray(jax.jit(jax.vmap(tail_shape))(jnp.asarray(-shape * np.log(u), jnp.float32)))
    tail = 135  # three times the root of 2,000
    wanted = (tail * shape + 5) / (tail + 10)
    error = found.std() / len(found) ** 0.5
    assert abs(found.mean() - wanted) < max(4 * error, 0.05)


def test_scale_of_the_weights_does_not_matter():
    """Log weights of images are hundreds of nats below zero."""
    weights = jnp.asarray(np.random.default_rng(1).normal(size=128), jnp.float32)
    measure = jax.jit(tail_shape)
    np.testing.assert_allclose(measure(weights - 900), measure(weights), atol=1e-3)


def test_equal_weights_are_finite_and_few_have_no_shape():
    """Equal ones have no tail, so nothing speaks against their mean."""
    assert jax.jit(tail_shape)(jnp.zeros(100)) < 0.7
    assert np.isnan(jax.jit(tail_shape)(jnp.zeros(24)))


def test_weights_of_which_one_is_all_are_not_trusted():
    """One draw hit the peak: the mean is what it says."""
    weights = jnp.asarray(np.random.default_rng(2).normal(size=128), jnp.float32)
    assert jax.jit(tail_shape)(30 * weights) > 0.7
