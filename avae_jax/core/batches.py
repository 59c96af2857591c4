"""Rows processed in batches of one size, so that all batches share one compiled program."""

from collections.abc import Callable

import jax
import numpy as np

from avae_jax.core.types import PyTree


def in_batches(function: Callable[..., PyTree], *rows: np.ndarray, size: int) -> PyTree:
    """`function(*rows)` for all rows, `size` at a time, as NumPy arrays.

    Args:
      rows: arrays `[n, ...]` of one length; the last batch is padded.
      size: rows in a batch.

    Returns:
      The results of all batches, `[n, ...]`; each batch is on the host before the next begins.
    """
    count, parts = len(rows[0]), []
    for at in range(0, count, size):
        batch = (filled(part[at : at + size], size) for part in rows)
        parts.append(jax.device_get(function(*batch)))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[:count], *parts)


def filled(chunk: np.ndarray, size: int) -> np.ndarray:
    """A chunk `[n, ...]` padded with its first entry to `[size, ...]`."""
    return np.concatenate([chunk, np.repeat(chunk[:1], size - len(chunk), axis=0)])
