"""Collectives used inside the compiled train step.

Each device computes its part of the batch with the functions for one device. With more devices
than examples, several devices share an example and each computes a part of its candidates. The
functions here exchange results between devices; `axes` is `None` on one device.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, PyTree

# The axes of a mesh: devices with different examples, and devices that share an example.
AXES = DATA, STARTS = "data", "starts"
Axes = tuple[str, str]


def mean(tree: PyTree, axes: Axes | None) -> PyTree:
    """The mean over equal parts of a batch; `tree` itself if there is one part."""
    # Devices that share an example hold equal values, so every example counts equally often.
    return tree if axes is None else jax.lax.pmean(tree, axes)


def total(tree: PyTree, axes: Axes | None) -> PyTree:
    """The sum over the parts of a batch."""
    return tree if axes is None else jax.lax.psum(_once(tree, axes), axes)


def joined(rows: Array, axes: Axes | None) -> Array:
    """The rows of all parts of a batch in their order."""
    if axes is None:
        return rows
    data, _ = axes
    # A sum with zeros is merged with the sum of the gradients; a gather would be a second transfer.
    whole = jnp.zeros((jax.lax.axis_size(data), *rows.shape), rows.dtype)
    placed = whole.at[jax.lax.axis_index(data)].set(rows)
    return total(placed, axes).reshape(-1, *rows.shape[1:])


def divided(work: Callable[[PyTree], PyTree], candidates: PyTree, axes: Axes | None) -> PyTree:
    """`work(candidates)`, divided between the devices that share the examples.

    Args:
      work: maps candidates with leading axes `[B, K]`, for example poses, to results with
        these axes, each of which depends on its candidate only.
    """
    if axes is None or jax.lax.axis_size(axes[1]) == 1:
        return work(candidates)
    devices, count = jax.lax.axis_size(axes[1]), jax.tree.leaves(candidates)[0].shape[1]
    # Dealt out alternately, because the best come first. A device without one repeats the last.
    mine = jax.lax.axis_index(axes[1]) + devices * jnp.arange(-(-count // devices))
    mine = jnp.minimum(mine, count - 1)
    found = work(jax.tree.map(lambda leaf: leaf[:, mine], candidates))
    return jax.tree.map(functools.partial(_gathered, count=count, axis=axes[1]), found)


def _gathered(part: Array, *, count: int, axis: str) -> Array:
    """The parts `[B, K', ...]` of all devices, in the order of the candidates, `[B, K, ...]`."""
    whole = jax.lax.all_gather(part, axis, axis=2)
    return whole.reshape(part.shape[0], -1, *part.shape[2:])[:, :count]


def _once(tree: PyTree, axes: Axes) -> PyTree:
    """`tree` on one of the devices that share an example, zeros on the others."""
    if jax.lax.axis_size(axes[1]) == 1:
        return tree
    first = jax.lax.axis_index(axes[1]) == 0
    return jax.tree.map(lambda leaf: jnp.where(first, leaf, jnp.zeros_like(leaf)), tree)
