"""The one place where the search is mapped over (example, candidate) pairs, in bounded memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from avae_jax.types import PyTree


def over_pairs(
    function: Callable[[PyTree, Any], Any], data: PyTree, candidates: PyTree, *, chunk: int | None
) -> Any:
    """Applies `function(datum, candidate)` to every candidate of every example.

    Args:
      data: pytree with leading axis B.
      candidates: pytree with leading axes `[B, K]`, such as poses.
      chunk: at most this many pairs are worked at once; `None` works all.

    Returns:
      The results, with leading axes `[B, K]`.
    """
    batch, count = jax.tree.leaves(candidates)[0].shape[:2]
    if chunk is None or batch * count <= chunk:
        return jax.vmap(jax.vmap(function, (None, 0)))(data, candidates)

    def one(pair: jax.Array) -> Any:
        datum = jax.tree.map(lambda leaf: leaf[pair // count], data)
        candidate = jax.tree.map(lambda leaf: leaf[pair // count, pair % count], candidates)
        return function(datum, candidate)

    flat = jax.lax.map(one, jnp.arange(batch * count), batch_size=chunk)
    return jax.tree.map(lambda leaf: leaf.reshape(batch, count, *leaf.shape[1:]), flat)
