"""How wide an optimum of the loss is: its curvature, measured at its own scale.

A derivative tells the slope of the dent that interpolation makes every few degrees, and a
held explanation makes the loss look more curved than it is. So the loss is evaluated where
it should have risen by half, one standard deviation away on every axis and in every plane
of the present guess, and the guess corrected. No derivatives.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.pose_search.problem import Problem
from avae_jax.types import Array, PyTree

ROUNDS = 4
# The first guess of a standard deviation, in radians, coordinates or logarithms; by how much
# it changes at most in a round; and the widest: a normal of that width does not reach round
# the circle.
FIRST, FACTOR, WIDEST = 0.05, 4.0, 0.6
# What a rise of the loss counts for at most: beyond it nothing is learned.
RISE = 1e4


class Peak(NamedTuple):
    """An optimum: `pose`, its loss `[]`, and `spread: [P, P]`.

    `spread spread^T` is the covariance of a normal with the same curvature in local
    coordinates around `pose`; `spread` is lower triangular.
    """

    pose: Array
    loss: Array
    spread: Array


class State(NamedTuple):
    """The best centre met so far, and where and how far the next round looks."""

    best: Array
    loss: Array
    centre: Array
    spread: Array


def measure(problem: Problem, datum: PyTree, pose: Array) -> Peak:
    """The optimum at `pose` of one example, moved to where parabolas are lowest.

    Costs `ROUNDS * evaluations(P)` forward passes.
    """
    spread = FIRST * jnp.eye(problem.size, dtype=pose.dtype)
    # One round's program serves all.
    state, _ = jax.lax.scan(
        lambda state, _: (_improved(problem, datum, state), None),
        State(pose, jnp.asarray(jnp.inf, pose.dtype), pose, spread),
        None,
        length=ROUNDS,
    )
    return Peak(state.best, state.loss, state.spread)


def evaluations(size: int) -> int:
    """Losses of a round for P = `size` parameters: the centre, axes and planes."""
    return 1 + 2 * len(_stencil(size))


def _stencil(size: int) -> np.ndarray:
    """Directions `[N, P]`: every axis, then the diagonal of every plane."""
    axes = np.eye(size, dtype=np.float32)
    rows, columns = np.triu_indices(size, 1)
    return np.concatenate([axes, axes[rows] + axes[columns]])


def _improved(problem: Problem, datum: PyTree, state: State) -> State:
    """The state after a round of evaluations around its centre."""
    stencil = _stencil(problem.size)
    steps = np.concatenate([np.zeros_like(stencil[:1]), stencil, -stencil])

    def value(step: Array) -> Array:
        moved = problem.retract(state.centre, _times(state.spread, step))
        return problem.value(datum, moved)

    values = jax.vmap(value)(jnp.asarray(steps, state.spread.dtype))
    rise = values[1:] - values[0]
    ahead, behind = jnp.split(jnp.clip(jnp.where(jnp.isfinite(rise), rise, RISE), -RISE, RISE), 2)
    curved, axes = jnp.linalg.eigh(_quadratic(ahead + behind, problem.size))
    curved = jnp.clip(curved, FACTOR**-2, FACTOR**2)
    slope = (ahead - behind)[: problem.size] / 2
    downhill = -_times(axes, _times(axes.T, slope) / curved)
    downhill = downhill / jnp.maximum(1, jnp.sqrt((downhill * downhill).sum()))
    back = jnp.linalg.solve(state.spread.T, axes * jnp.sqrt(curved)[None])
    spread = _triangle(jnp.matmul(back, back.T, precision="highest"))
    better = values[0] < state.loss
    moved = problem.retract(state.centre, _times(state.spread, downhill))
    return State(
        jnp.where(better, state.centre, state.best),
        jnp.where(better, values[0], state.loss),
        # A centre that is worse than the one before is given up.
        jnp.where(better, moved, state.best),
        spread,
    )


def _quadratic(second: Array, size: int) -> Array:
    """Second derivatives `[P, P]` from second differences `[N]` along the stencil."""
    rows, columns = np.triu_indices(size, 1)
    along, across = second[:size], second[size:]
    mixed = (across - along[rows] - along[columns]) / 2
    return jnp.diag(along).at[rows, columns].set(mixed).at[columns, rows].set(mixed)


def _triangle(curvature: Array) -> Array:
    """Lower triangle `[P, P]` of the covariance that belongs to a curvature, of WIDEST at most."""
    floor = jnp.eye(len(curvature), dtype=curvature.dtype) / WIDEST**2
    return jnp.linalg.cholesky(jnp.linalg.inv(curvature + floor))


def _times(matrix: Array, vector: Array) -> Array:
    """`[P, P]` times `[P]`, at full precision."""
    return (matrix * vector[None]).sum(-1)
