"""A line search without derivatives, for families of one parameter.

The loss has interpolation ripples every few degrees, and a derivative leads to the nearest one.
Values on both sides of the best, at half the distance in each step, pass over ripples; parabolas
through the best value and its neighbours refine the result. A step costs one or two forward
passes.

Reference: R. Brent, Algorithms for minimization without derivatives, chapter 5, 1973.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array, PyTree
from avae_jax.inference.search.problem import Problem

# The first distance: half the distance between starts, in radians for rotations.
REACH = math.radians(5)
# Distance below which two values are redundant.
CLOSE = math.radians(0.15)


class Met(NamedTuple):
    """Parameters `[N]` and their losses `[N]`; +inf in unused entries."""

    alpha: Array
    loss: Array

    def best(self) -> tuple[Array, Array]:
        """The parameter `[]` with the lowest loss, and that loss."""
        place = self.loss.argmin()
        return self.alpha[place], self.loss[place]


def values(halvings: int, parabolas: int) -> int:
    """Number of losses that a line search evaluates."""
    return 2 * halvings + parabolas


def refine(
    problem: Problem, datum: PyTree, pose: Array, loss: Array, *, halvings: int, parabolas: int
) -> tuple[Array, Array]:
    """Refines one pose of one example; returns the best evaluated pose and its loss.

    Args:
      pose: `[d + 1, d + 1]`, of a family with one parameter.
      loss: `[]`, its loss.
      halvings: pairs of values on both sides of the best, at REACH and then half the distance
        each time.
      parabolas: steps to the vertex of a parabola through the best and its neighbours.
    """

    def value(alpha: Array) -> Array:
        found = problem.value(datum, problem.retract(pose, alpha[None]))
        return jnp.where(jnp.isfinite(found), found, jnp.inf)

    def look(met: Met, at: tuple[Array, Array]) -> tuple[Met, None]:
        place, distance = at
        sides = met.best()[0] + jnp.stack([-distance, distance])
        return _put(met, place, sides, jax.vmap(value)(sides)), None

    def close_in(met: Met, place: Array) -> tuple[Met, None]:
        alpha = vertex(met, out=REACH * 0.5 ** max(halvings - 1, 0))[None]
        return _put(met, place, alpha, value(alpha[0])[None]), None

    distances = jnp.asarray(REACH * 0.5 ** np.arange(halvings), pose.dtype)
    size = 1 + values(halvings, parabolas)
    met = Met(jnp.zeros(size, pose.dtype), jnp.full(size, jnp.inf, pose.dtype).at[0].set(loss))
    places = jnp.arange(1, size)
    met, _ = jax.lax.scan(look, met, (places[: 2 * halvings : 2], distances))
    met, _ = jax.lax.scan(close_in, met, places[2 * halvings :])
    alpha, lowest = met.best()
    return problem.retract(pose, alpha[None]), lowest


def vertex(met: Met, *, out: float) -> Array:
    """Minimum of the parabola through the best value and its nearest neighbours, `[]`.

    With neighbours on one side only, the result is a step by `out` to the other side.
    """
    known = jnp.isfinite(met.loss)
    at, lowest = met.best()
    below, under = _nearest(met, known & (met.alpha < at), at)
    above, over = _nearest(met, known & (met.alpha > at), at)
    left, right = at - below, above - at
    # Differences from the lowest are >= 0: the denominator vanishes only if both do.
    rise, fall = (over - lowest) * left, (under - lowest) * right
    moved = (fall * right - rise * left) / (2 * jnp.maximum(rise + fall, 1e-12))
    wider = jnp.where(right > left, 2 * CLOSE, -2 * CLOSE)
    moved = jnp.where(jnp.abs(moved) < CLOSE, wider, moved)
    alone = jnp.where(jnp.isfinite(below), out, -out)
    return at + jnp.where(jnp.isfinite(left) & jnp.isfinite(right), moved, alone)


def _nearest(met: Met, side: Array, at: Array) -> tuple[Array, Array]:
    """The nearest value on one side of `at`, and its loss; infinite without one."""
    distance = jnp.where(side, jnp.abs(met.alpha - at), jnp.inf)
    place = distance.argmin()
    there = side.any()
    return jnp.where(there, met.alpha[place], jnp.inf), jnp.where(there, met.loss[place], jnp.inf)


def _put(met: Met, place: Array, alpha: Array, loss: Array) -> Met:
    """`met` with new values from index `place`."""
    return Met(
        jax.lax.dynamic_update_slice(met.alpha, alpha.astype(met.alpha.dtype), (place,)),
        jax.lax.dynamic_update_slice(met.loss, loss.astype(met.loss.dtype), (place,)),
    )
