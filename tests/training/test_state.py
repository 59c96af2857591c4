"""Tests of `avae_jax.training.state`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from avae_jax.training.state import bank_of, init_state
from tests.support.tiny_vae import PROTOTYPES, Z, avae_of, searching, weights

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_init_state_before_the_first_update():
    state = init_state(jax.random.key(0), weights(), optax.sgd(0.1), met=jnp.zeros((4, Z)))
    assert state.step == 0 and state.head is None and state.met.shape == (4, Z)


def test_bank_of_objects_met_last():
    met = jnp.float32(np.random.default_rng(0).normal(size=(PROTOTYPES, Z)))
    state = init_state(jax.random.key(0), weights(), optax.sgd(0.1), met=met)
    assert bank_of(state, avae=avae_of(), search=searching("even")) is None
    bank = bank_of(state, avae=avae_of(), search=searching("bank"))
    assert np.isfinite(bank.weights).all()
