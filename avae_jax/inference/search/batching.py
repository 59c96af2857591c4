"""Maps the search over (example, candidate) pairs in bounded memory."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from avae_jax.core.even_map import even_map
from avae_jax.core.types import Array, PyTree
from avae_jax.inference.search.problem import Share, alone


def over_pairs(
    function: Callable[[PyTree, Any], Any],
    data: PyTree,
    candidates: PyTree,
    *,
    chunk: int | None,
    share: Share = alone,
) -> Any:
    """Applies `function(datum, candidate)` to every candidate of every example.

    Args:
      data: pytree with leading axis B.
      candidates: pytree with leading axes `[B, K]`, for example poses.
      chunk: number of pairs that are computed at once; `None` computes all.
      share: see `Problem.share`.

    Returns:
      The results, with leading axes `[B, K]`.
    """
    return share(functools.partial(_all, function, data, chunk=chunk), candidates)


def _all(
    function: Callable[[PyTree, Any], Any], data: PyTree, candidates: PyTree, *, chunk: int | None
) -> Any:
    batch, count = jax.tree.leaves(candidates)[0].shape[:2]
    if chunk is None or batch * count <= chunk:
        return jax.vmap(jax.vmap(function, (None, 0)))(data, candidates)

    def one(pair: Array) -> Any:
        datum = jax.tree.map(lambda leaf: leaf[pair // count], data)
        candidate = jax.tree.map(lambda leaf: leaf[pair // count, pair % count], candidates)
        return function(datum, candidate)

    flat = even_map(one, jnp.arange(batch * count), most=chunk)
    return jax.tree.map(lambda leaf: leaf.reshape(batch, count, *leaf.shape[1:]), flat)


# Chosen pairs computed at once, as a share of the examples, and at least.
SHARE, LEAST = 4, 8


def over_chosen(
    function: Callable[[PyTree, Any], Any],
    data: PyTree,
    candidates: PyTree,
    chosen: Array,
    *,
    default: Any,
    chunk: int | None,
    share: Share = alone,
) -> Any:
    """`over_pairs` for the chosen pairs only; the others keep their `default` and cost nothing.

    Chosen pairs are gathered and computed a few at a time until none is left: under `vmap`
    a condition would run for every pair.

    Args:
      chosen: `[B, K]`.
      default: results, with leading axes `[B, K]`.
      share: see `Problem.share`.
    """
    work = functools.partial(_chosen, function, data, chunk=chunk)
    return share(work, (candidates, chosen, default))


def _chosen(
    function: Callable[[PyTree, Any], Any],
    data: PyTree,
    given: tuple[PyTree, Array, Any],
    *,
    chunk: int | None,
) -> Any:
    candidates, chosen, default = given
    batch, count = chosen.shape
    size = min(chunk or batch, max(batch // SHARE, min(batch, LEAST)))
    total = chosen.sum()
    # The chosen first, padded to whole groups, so that no pair is computed twice.
    order = jnp.argsort(~chosen.reshape(-1), stable=True)
    order = jnp.concatenate([order, jnp.full(size, batch * count)])

    def flat(tree: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: leaf.reshape(batch * count, *leaf.shape[2:]), tree)

    rows = flat(candidates)

    def work(state: tuple[Array, Any]) -> tuple[Array, Any]:
        group, results = state
        place = jax.lax.dynamic_slice_in_dim(order, group * size, size)
        pair = jnp.minimum(place, batch * count - 1)
        mine = jax.tree.map(lambda leaf: leaf[pair // count], data)
        found = jax.vmap(function)(mine, jax.tree.map(lambda leaf: leaf[pair], rows))
        place = jnp.where(group * size + jnp.arange(size) < total, place, batch * count)
        put = jax.tree.map(lambda a, b: a.at[place].set(b, mode="drop"), results, found)
        return group + 1, put

    def left(state: tuple[Array, Any]) -> Array:
        return state[0] * size < total

    begin = jnp.zeros((), total.dtype), flat(default)
    found = jax.lax.while_loop(left, work, begin)[1]
    return jax.tree.map(lambda leaf: leaf.reshape(batch, count, *leaf.shape[1:]), found)
