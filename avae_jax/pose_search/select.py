"""Choosing which starts are worth refining."""

import math

import jax
import jax.numpy as jnp

from avae_jax.types import Array


def best_apart(poses: Array, losses: Array, *, keep: int, degrees: float) -> Array:
    """Indices `[K]` of the lowest losses among poses that are apart from each other.

    Taken greedily: the best one, then the best of those far enough from all taken. If
    too few are far enough, near ones follow; non-finite ones come last.

    Args:
      poses: `[R, d + 1, d + 1]`.
      losses: `[R]`.
      degrees: poses are apart if their matrices differ by at least as much as those of
        two rotations by this angle.
    """
    chord = 2 * math.sqrt(2) * math.sin(math.radians(degrees) / 2)
    # Any finite number, so that a pose is found even where no loss is finite.
    losses = jnp.where(jnp.isfinite(losses), losses, jnp.finfo(losses.dtype).max)

    def take(passed_over: Array, _: None) -> tuple[Array, Array]:
        first = passed_over == passed_over.min()
        best = jnp.where(first, losses, jnp.inf).argmin()
        distance = jnp.sqrt(((poses - poses[best][None]) ** 2).sum((-2, -1)))
        near = (distance < chord).astype(passed_over.dtype)
        return (passed_over + near).at[best].set(jnp.inf), best

    last = jnp.where(losses < jnp.finfo(losses.dtype).max, 0.0, keep + 1.0)
    _, taken = jax.lax.scan(take, last, None, length=keep)
    return taken
