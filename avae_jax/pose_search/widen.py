"""Widening: examples whose result is doubtful are searched again, from further starts."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from avae_jax.pose_search.search import SearchResult
from avae_jax.types import Array, PyTree

# Examples searched again at once, as a share of the batch.
SHARE = 8


def widen(
    result: SearchResult,
    doubtful: Array,
    again: Callable[[PyTree, Array], SearchResult],
    data: PyTree,
    further: Array,
) -> SearchResult:
    """Merges the results of doubtful examples with those from further starts.

    The doubtful ones are gathered and searched a few at a time, so that only they cost:
    under `vmap` a condition would run for every example.

    Args:
      doubtful: `[B]`.
      again: `(data, starts) -> result` of a search.
      data: pytree with leading axis B.
      further: `[B, W, d + 1, d + 1]`.

    Returns:
      For each example whatever has the lower loss; the result of an example depends on
      that example alone.
    """
    batch = doubtful.shape[0]
    size = max(1, batch // SHARE)
    count = doubtful.sum()
    # Doubtful ones first; filled up to whole groups, so that no index is met twice.
    order = jnp.argsort(~doubtful, stable=True)
    order = jnp.concatenate([order, jnp.full(size, batch)])

    def search_group(state: tuple[Array, SearchResult]) -> tuple[Array, SearchResult]:
        group, merged = state
        place = jax.lax.dynamic_slice_in_dim(order, group * size, size)
        taken = jnp.minimum(place, batch - 1)
        found = again(jax.tree.map(lambda leaf: leaf[taken], data), further[taken])
        asked = group * size + jnp.arange(size) < count
        before = jax.tree.map(lambda leaf: leaf[taken], merged)
        place = jnp.where(asked, place, batch)
        after = _lower(before, found)
        put = jax.tree.map(lambda a, b: a.at[place].set(b, mode="drop"), merged, after)
        return group + 1, put

    def left(state: tuple[Array, SearchResult]) -> Array:
        return state[0] * size < count

    return jax.lax.while_loop(left, search_group, (jnp.zeros((), count.dtype), result))[1]


def _lower(one: SearchResult, other: SearchResult) -> SearchResult:
    """The better of two results of each example, at the cost of both."""
    better = other.loss < one.loss

    def choose(a: Array, b: Array) -> Array:
        return jnp.where(better.reshape(-1, *(1,) * (a.ndim - 1)), b, a)

    best = jax.tree.map(choose, one, other)
    return best._replace(
        nonfinite=one.nonfinite + other.nonfinite,
        cost=one.cost + other.cost,
        widened=jnp.ones_like(one.widened),
    )
