"""Selection of the starts to refine."""

import math

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array


def lowest(values: Array) -> Array:
    """Index of the first minimum along the first axis; no value may be NaN.

    Two reductions replace `argmin`, which is a scalar loop on CPUs and takes ten times as long.
    """
    place = jnp.arange(len(values)).reshape(-1, *(1,) * (values.ndim - 1))
    least = values.min(0, keepdims=True)
    return jnp.where(values == least, place, len(values) - 1).min(0)


def near(poses: Array, others: Array, *, degrees: float) -> Array:
    """Whether `poses: [R, d + 1, d + 1]` are near `others: [K, ...]`, bool `[R, K]`.

    Poses are near if their matrices differ by less than two rotations that are `degrees` apart.
    """
    chord = 2 * math.sqrt(2) * math.sin(math.radians(degrees) / 2)
    return jnp.sqrt(((poses[:, None] - others[None]) ** 2).sum((-2, -1))) < chord


def best_apart(poses: Array, losses: Array, *, keep: int, degrees: float) -> Array:
    """Indices `[K]` of the lowest losses among poses that are apart from each other.

    The selection is greedy: the best pose, then the best pose far enough from all selected
    ones. If too few are far enough, near ones follow; non-finite ones come last.

    Args:
      poses: `[R, d + 1, d + 1]`.
      losses: `[R]`.
      degrees: poses are apart if they are not `near` by this angle.
    """
    # Any finite number, so that a pose is returned even if no loss is finite.
    losses = jnp.where(jnp.isfinite(losses), losses, jnp.finfo(losses.dtype).max)

    def take(passed_over: Array, _: None) -> tuple[Array, Array]:
        first = passed_over == passed_over.min()
        best = lowest(jnp.where(first, losses, jnp.inf))
        close = near(poses, poses[best][None], degrees=degrees)[:, 0]
        return (passed_over + close.astype(passed_over.dtype)).at[best].set(jnp.inf), best

    last = jnp.where(losses < jnp.finfo(losses.dtype).max, 0.0, keep + 1.0)
    _, taken = jax.lax.scan(take, last, None, length=keep)
    return taken
