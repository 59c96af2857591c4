"""Batches as a function of the step."""

import numpy as np
import pytest

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import batch_indices, load, require_batch


def stream(steps, *, batch_size, examples=10, seed=0):
    batches = [
        batch_indices(step, batch_size=batch_size, examples=examples, seed=seed)
        for step in range(steps)
    ]
    return np.concatenate(batches)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 10])
def test_batch_indices_epoch_is_a_permutation(batch_size):
    """Every epoch is a permutation."""
    seen = stream(30, batch_size=batch_size)
    for epoch in range(len(seen) // 10):
        np.testing.assert_array_equal(np.sort(seen[10 * epoch : 10 * epoch + 10]), np.arange(10))
        wanted = np.random.default_rng((0, epoch)).permutation(10)
        np.testing.assert_array_equal(seen[10 * epoch : 10 * epoch + 10], wanted)


def test_batch_indices_any_step_alone():
    """Any step can be asked for alone."""
    seen = stream(40, batch_size=4)
    alone = batch_indices(33, batch_size=4, examples=10, seed=0)
    np.testing.assert_array_equal(alone, seen[132:136])


def test_batch_indices_order_depends_on_seed_alone():
    """The order depends on the seed and not on the batch size."""
    np.testing.assert_array_equal(stream(30, batch_size=2), stream(10, batch_size=6))
    assert (stream(10, batch_size=6) != stream(10, batch_size=6, seed=1)).any()


def test_batch_indices_may_be_written_to():
    """What the caller does to a batch changes no later one."""
    batch = batch_indices(0, batch_size=10, examples=10, seed=0)
    kept = batch.copy()
    batch[:] = -1
    np.testing.assert_array_equal(batch_indices(0, batch_size=10, examples=10, seed=0), kept)


def test_require_batch_refuses_too_few_examples():
    """Fewer examples than a batch are refused."""
    dataset = load(DataOptions(limit=30), seed=0)
    require_batch(dataset, 30)
    with pytest.raises(InputError, match="train.batch_size=31: only 30 training examples"):
        require_batch(dataset, 31)
