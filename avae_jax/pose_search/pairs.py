"""The one place where the search is mapped over (example, pose) pairs, in bounded memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from avae_jax.types import Array, PyTree


def over_pairs(
    function: Callable[[PyTree, Array], Any], data: PyTree, poses: Array, *, chunk: int | None
) -> Any:
    """Applies `function(datum, pose)` to every pose of every example.

    Args:
      data: pytree with leading axis B.
      poses: `[B, K, ...]`.
      chunk: at most this many pairs are worked at once; `None` works all.

    Returns:
      The results, with leading axes `[B, K]`.
    """
    batch, count = poses.shape[:2]
    if chunk is None or batch * count <= chunk:
        return jax.vmap(jax.vmap(function, (None, 0)))(data, poses)

    def one(pair: Array) -> Any:
        datum = jax.tree.map(lambda leaf: leaf[pair // count], data)
        return function(datum, poses[pair // count, pair % count])

    flat = jax.lax.map(one, jnp.arange(batch * count), batch_size=chunk)
    return jax.tree.map(lambda leaf: leaf.reshape(batch, count, *leaf.shape[1:]), flat)
