"""Tests of `avae_jax.training.state`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from avae_jax.training.checkpoint_seal import description
from avae_jax.training.remembered import never_visited
from avae_jax.training.state import bank_of, init_state, table_of, with_table
from tests.support.tiny_vae import PROTOTYPES, Z, avae_of, searching, weights

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_init_state_before_the_first_update():
    state = init_state(jax.random.key(0), weights(), optax.sgd(0.1), met=jnp.zeros((4, Z)))
    assert state.step == 0 and state.head is None and state.met.shape == (4, Z)


def test_bank_of_objects_met_last():
    met = jnp.float32(np.random.default_rng(0).normal(size=(PROTOTYPES, Z)))
    state = init_state(jax.random.key(0), weights(), optax.sgd(0.1), met=met)
    assert bank_of(state, avae=avae_of(), search=searching("even")) is None
    of_state = functools.partial(bank_of, avae=avae_of(), search=searching("bank"))
    bank = jax.jit(of_state)(state)
    assert np.isfinite(bank.weights).all()


def test_absent_table_is_no_entry_of_a_state():
    """As in the checkpoints of earlier versions."""
    state = init_state(jax.random.key(0), weights(), optax.sgd(0.1), met=jnp.zeros((4, Z)))
    remembers = with_table(state, never_visited(3, 2))
    added = {name for name in description(remembers) if name not in description(state)}
    assert added == {".visited.poses", ".visited.known"}
    assert not any(
        "visited" in str(path)
        for path, _ in jax.tree.flatten_with_path(state, is_leaf=lambda leaf: leaf is None)[0]
    )
    assert table_of(remembers).poses.shape == (3, 3, 3)
    forgets = with_table(remembers, None)
    assert jax.tree.structure(forgets) == jax.tree.structure(state) and table_of(forgets) is None
