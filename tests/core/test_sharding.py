"""Tests of `avae_jax.core.sharding` on one device; several train in integration/test_devices."""

import errno

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.core import sharding
from avae_jax.core.errors import DistributedError, InputError


@pytest.mark.parametrize(
    ("batch", "devices", "wanted"), [(8, 1, 1), (8, 4, 1), (8, 8, 1), (2, 8, 4), (1, 6, 6)]
)
def test_sharers_where_devices_outnumber_examples(batch, devices, wanted):
    assert sharding.sharers(batch, devices) == wanted


@pytest.mark.parametrize(("batch", "devices"), [(6, 4), (4, 6), (3, 2)])
def test_sharers_refuse_an_uneven_batch(batch, devices):
    with pytest.raises(InputError, match=f"train.batch_size={batch}: wanted a multiple of the"):
        sharding.sharers(batch, devices)


def test_whole_parts_of_one_device():
    assert [sharding.whole_parts(size) for size in (1, 5, 8)] == [1, 5, 8]


def test_split_reads_the_chosen_rows():
    rows, index = np.arange(10.0, dtype=np.float32)[:, None], np.array([7, 0, 3])
    np.testing.assert_array_equal(sharding.split(rows), rows)
    np.testing.assert_array_equal(sharding.split(rows, index), rows[index])


def test_replicated_copies_arrays_and_keys():
    tree = {"w": np.arange(3.0, dtype=np.float32), "key": jax.random.key(3)}
    found = sharding.replicated(tree)
    np.testing.assert_array_equal(found["w"], tree["w"])
    assert jax.random.key_data(found["key"]).tolist() == jax.random.key_data(tree["key"]).tolist()
    tree["w"][0] = 9.0
    assert found["w"][0] == 0


def test_agreed_number_of_one_process():
    assert sharding.leads() and sharding.agreed(7) == 7


def test_examples_splits_some_arguments_and_not_others():
    call = sharding.examples(lambda rows, factor: rows * factor, whole=("factor",))
    found = call(rows=jnp.arange(4.0), factor=jnp.float32(3))
    np.testing.assert_array_equal(found, [0, 3, 6, 9])


def test_step_returns_the_next_state():
    step = sharding.step(
        lambda state, rows, axes: (state + rows.sum(), {"n": len(rows)}), searches=False
    )
    state, metrics = step(jnp.float32(1), jnp.arange(3.0))
    assert state == 4 and metrics["n"] == 3


def test_together_leaves_errors_of_one_process_alone():
    with pytest.raises(ValueError, match="UNAVAILABLE: ours"), sharding.together():
        raise ValueError("UNAVAILABLE: ours")


def test_together_names_the_first_line_of_a_failure(monkeypatch):
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    with pytest.raises(DistributedError, match="broke off, ABORTED: one went away; if one has"):
        with sharding.together():
            raise ValueError("ABORTED: one went away.\nmore of it")


def test_waiting_for_the_others_in_vain_is_a_failure_of_shared_work(monkeypatch):
    """As of a checkpoint that all write; a file system that does not answer is none."""
    waited, slow = TimeoutError("Timed out while waiting"), TimeoutError(errno.ETIMEDOUT, "slow")
    assert not sharding.broke_off(waited)
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    assert sharding.broke_off(waited) and not sharding.broke_off(slow)
    with pytest.raises(DistributedError, match="broke off, Timed out while waiting"):
        with sharding.together():
            raise waited
