"""Tests of `avae_jax.models.networks.gaussian_head`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import ModelOptions
from avae_jax.models import build
from avae_jax.models.networks.gaussian_head import NARROW
from tests.support.small_networks import SMALL, Z


@pytest.mark.standard
@pytest.mark.parametrize("name", ["dense", "patches", "conv"])
def test_gaussian_head_narrow_to_begin_with(name):
    """A posterior is narrow to begin with."""
    model, params = build(jax.random.key(0), (9, 6), 1, options=ModelOptions(name, **SMALL))
    # An empty image leaves the biases alone.
    mu, logvar = jax.jit(model.encode)(params, jnp.zeros((9, 6, 1)))
    np.testing.assert_array_equal(mu, np.zeros(Z))
    np.testing.assert_array_equal(logvar, np.full(Z, NARROW))
