"""Batches: the examples of a train step are a function of the step alone."""

import functools

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.dataset import Dataset


def batch_indices(step: int, *, batch_size: int, examples: int, seed: int) -> np.ndarray:
    """The examples of batch `step`.

    Epoch e is the permutation of all examples drawn from `(seed, e)`; the epochs follow one
    another without end, and batch t takes the positions `t * B .. t * B + B - 1` of them. A
    batch may span two epochs, so every example is seen equally often.

    Args:
        step: t, counted from 0.
        batch_size: B.
        examples: N, the number of training examples.
        seed: of the random order.

    Returns:
        `[B]` int64 in `0..N-1`.
    """
    positions = np.arange(step * batch_size, (step + 1) * batch_size)
    epochs, places = np.divmod(positions, examples)
    parts = [
        _permutation(seed, int(epoch), examples)[places[epochs == epoch]]
        for epoch in np.unique(epochs)
    ]
    return np.concatenate(parts)


def require_batch(dataset: Dataset, batch_size: int) -> None:
    """Checks that one batch can be drawn without repetition.

    Raises:
        InputError: if there are fewer training examples than `batch_size`.
    """
    if len(dataset.train) < batch_size:
        raise InputError(
            f"train.batch_size={batch_size}: only {len(dataset.train)} training examples; "
            "a batch of no more than these is wanted"
        )


@functools.lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, examples: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(examples)
