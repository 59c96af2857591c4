"""Refinement by an optax optimiser on alpha, with reverse-mode gradients."""

import jax
import jax.numpy as jnp
import optax

from avae_jax.core.types import Array, PyTree
from avae_jax.inference.search.problem import Problem


def refine(
    problem: Problem,
    datum: PyTree,
    pose: Array,
    *,
    steps: int,
    optimiser: optax.GradientTransformation,
    unroll: bool = False,
) -> tuple[Array, Array]:
    """Refines one pose of one example; returns the best evaluated pose and its loss."""

    def loss_at(alpha: Array) -> Array:
        return problem.value(datum, problem.retract(pose, alpha))

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        alpha, state, best, lowest = carry
        loss, gradient = jax.value_and_grad(loss_at)(alpha)
        best, lowest = _lower(alpha, loss, best, lowest)
        updates, state = optimiser.update(gradient, state, alpha)
        return (optax.apply_updates(alpha, updates), state, best, lowest), None

    zero = jnp.zeros(problem.size, pose.dtype)
    carry = (zero, optimiser.init(zero), zero, jnp.asarray(jnp.inf, pose.dtype))
    (alpha, _, best, lowest), _ = jax.lax.scan(step, carry, None, length=steps, unroll=unroll)
    best, lowest = _lower(alpha, loss_at(alpha), best, lowest)
    return problem.retract(pose, best), lowest


def _lower(alpha: Array, loss: Array, best: Array, lowest: Array) -> tuple[Array, Array]:
    """The better of `(alpha, loss)` and `(best, lowest)`; a non-finite loss never wins."""
    better = jnp.isfinite(loss) & (loss < lowest)
    return jnp.where(better, alpha, best), jnp.where(better, loss, lowest)
