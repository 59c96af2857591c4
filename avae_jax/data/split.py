"""Splits of a source into training and test examples."""

import numpy as np


def hold_out(count: int, *, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits `0..count-1` at random.

    Args:
        count: number of examples, at least 2.
        fraction: share held out; both splits get at least one example.
        seed: of the permutation.

    Returns:
        Training indices and test indices, each in random order.
    """
    order = shuffled(count, seed=seed, stream=0)
    held_out = min(max(round(count * fraction), 1), count - 1)
    return order[held_out:], order[:held_out]


def shuffled(count: int, *, seed: int, stream: int) -> np.ndarray:
    """A permutation of `0..count-1`; streams of one seed are independent."""
    return np.random.default_rng((seed, stream)).permutation(count)


def limited(indices: np.ndarray, limit: int) -> np.ndarray:
    """The first `limit` of `indices`; 0 takes all."""
    return indices[:limit] if limit else indices
