"""Refinement by an optax optimiser on alpha, with reverse-mode gradients."""

import jax
import jax.numpy as jnp
import optax

from avae_jax.search.problem import Problem
from avae_jax.types import Array, PyTree


def refine(
    problem: Problem,
    datum: PyTree,
    pose: Array,
    *,
    steps: int,
    optimiser: optax.GradientTransformation,
    unroll: bool = False,
) -> tuple[Array, Array]:
    """Refines one pose of one example; returns the best pose met and its loss."""

    def loss_at(alpha: Array) -> Array:
        return problem.value(datum, problem.retract(pose, alpha))

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        alpha, state, best, lowest = carry
        loss, gradient = jax.value_and_grad(loss_at)(alpha)
        best = jnp.where(loss < lowest, alpha, best)
        lowest = jnp.minimum(jnp.where(jnp.isnan(loss), jnp.inf, loss), lowest)
        updates, state = optimiser.update(gradient, state, alpha)
        return (optax.apply_updates(alpha, updates), state, best, lowest), None

    zero = jnp.zeros(problem.size, pose.dtype)
    carry = (zero, optimiser.init(zero), zero, jnp.asarray(jnp.inf, pose.dtype))
    (alpha, _, best, lowest), _ = jax.lax.scan(step, carry, None, length=steps, unroll=unroll)
    last = loss_at(alpha)
    best = jnp.where(last < lowest, alpha, best)
    return problem.retract(pose, best), jnp.minimum(
        lowest, jnp.where(jnp.isnan(last), jnp.inf, last)
    )


def cost(steps: int) -> float:
    """Forward-equivalents of `refine`: a value and its reverse gradient count 2."""
    return 2 * steps + 1
