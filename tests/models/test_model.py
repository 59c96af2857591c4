"""Tests of `avae_jax.models.model`."""

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.models import wrap


def test_wrap_takes_a_pair_trained_elsewhere():
    """A pair trained elsewhere is wrapped."""
    model = wrap(lambda p, x: (p * x.sum()[None], x[0, 0]), lambda p, z: z, sigma=0.5)
    mu, logvar = model.encode(2.0, jnp.ones((2, 2, 1)))
    assert (mu.item(), logvar.item()) == (8, 1)
    assert model.decode(2.0, mu).item() == 8
    assert model.log_sigma(None) == pytest.approx(np.log(0.5))
