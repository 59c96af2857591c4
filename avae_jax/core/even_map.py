"""Maps a function over rows, some at a time, by one compiled program."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, PyTree


def even_map(function: Callable[[Any], PyTree], rows: PyTree, *, most: int) -> PyTree:
    """`function` of every row, in parts of one size.

    `jax.lax.map` with a batch size compiles the function a second time for the rows that are left
    over. Here as many parts share the rows evenly, and the last one is filled.

    Args:
      rows: pytree with a leading axis.
      most: number of rows that are computed at once.

    Returns:
      The results, with the same leading axis.
    """
    count = len(jax.tree.leaves(rows)[0])
    if count <= most:
        return jax.vmap(function)(rows)
    parts = -(-count // most)
    size = -(-count // parts)

    def filled(leaf: Array) -> Array:
        return jnp.concatenate([leaf, jnp.repeat(leaf[-1:], parts * size - count, axis=0)])

    made = jax.lax.map(function, jax.tree.map(filled, rows), batch_size=size)
    return jax.tree.map(lambda leaf: leaf[:count], made)
