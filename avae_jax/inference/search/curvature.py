"""Curvature of the loss at an optimum, from finite differences at its own scale.

Local derivatives see interpolation ripples, and freezing the latent code overestimates the
curvature. The loss is therefore evaluated at a distance of a few standard deviations of the
current guess, on every axis and in every plane. The parabola through these values corrects the
guess and its centre. No derivatives are used.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array, PyTree
from avae_jax.inference.search.problem import Problem

ROUNDS = 4
# Distance of the evaluations in standard deviations. At smaller distances, ripples weigh more
# than in the posterior: regions of 90 % then hold the truth 75 to 80 % of the time.
PROBE = 3.0
# First guess of a standard deviation, in radians, coordinates or logarithms; its largest change
# by a round; and its maximum, at which a normal does not yet reach around the circle.
FIRST, FACTOR, WIDEST = 0.05, 4.0, 0.6
# Largest loss of the middle of a parabola above the lowest ripple, in nats.
SLACK = 2.0
# Largest rises of the loss, in nats and relative to the rise on the other side: a bound of the
# prior on one side must not make a peak look narrow on both.
RISE, LOPSIDED = 1e4, 4.0


class Mode(NamedTuple):
    """An optimum: `pose`, its loss `[]`, and `spread: [P, P]`.

    `spread spread^T` is the covariance of a normal with the same curvature in local
    coordinates around `pose`; `spread` is lower triangular.
    """

    pose: Array
    loss: Array
    spread: Array


class State(NamedTuple):
    """The current centre and its loss, the lowest loss of any pose, and the next trial."""

    pose: Array
    loss: Array
    lowest: Array
    trial: Array
    spread: Array


def fit_curvature(problem: Problem, datum: PyTree, pose: Array) -> Mode:
    """The optimum at `pose` of one example, moved to the middle of the surrounding parabola.

    Costs `ROUNDS * evaluations(P)` forward passes.
    """
    spread, unknown = FIRST * jnp.eye(problem.size, dtype=pose.dtype), jnp.float32(jnp.inf)
    state, _ = jax.lax.scan(
        lambda state, _: (_improved(problem, datum, state), None),
        State(pose, unknown.astype(pose.dtype), unknown.astype(pose.dtype), pose, spread),
        None,
        length=ROUNDS,
    )
    return Mode(state.pose, state.loss, state.spread)


def evaluations(size: int) -> int:
    """Losses of a round for P = `size` parameters: the centre, axes and planes."""
    return 1 + 2 * len(_stencil(size))


def _stencil(size: int) -> np.ndarray:
    """Directions `[N, P]` of length 1: every axis, then the diagonal of every plane."""
    axes = np.eye(size, dtype=np.float32)
    rows, columns = np.triu_indices(size, 1)
    return np.concatenate([axes, (axes[rows] + axes[columns]) / np.sqrt(np.float32(2))])


def _improved(problem: Problem, datum: PyTree, state: State) -> State:
    """The state after a round of evaluations around its trial."""
    stencil = PROBE * _stencil(problem.size)
    steps = np.concatenate([np.zeros_like(stencil[:1]), stencil, -stencil])

    def value(step: Array) -> Array:
        moved = problem.retract(state.trial, _times(state.spread, step))
        return problem.value(datum, moved)

    values = jax.vmap(value)(jnp.asarray(steps, state.spread.dtype))
    ahead, behind = _rises(values)
    second = (ahead + behind) / PROBE**2
    curved, axes = jnp.linalg.eigh(_quadratic(second, problem.size))
    curved = jnp.clip(curved, FACTOR**-2, FACTOR**2)
    slope = (ahead - behind)[: problem.size] / (2 * PROBE)
    downhill = -_times(axes, _times(axes.T, slope) / curved)
    downhill = downhill / jnp.maximum(1, jnp.sqrt((downhill * downhill).sum()))
    back = jnp.linalg.solve(state.spread.T, axes * jnp.sqrt(curved)[None])
    good = values[0] <= state.lowest + SLACK
    pose = jnp.where(good, state.trial, state.pose)
    moved = problem.retract(state.trial, _times(state.spread, downhill))
    return State(
        pose,
        jnp.where(good, values[0], state.loss),
        jnp.fmin(values[0], state.lowest),
        jnp.where(good, moved, pose),
        _triangle(jnp.matmul(back, back.T, precision="highest")),
    )


def _rises(values: Array) -> tuple[Array, Array]:
    """Rises of the loss `[N]` along the stencil and against it, given all values."""
    rise = values[1:] - values[0]
    ahead, behind = jnp.split(jnp.clip(jnp.where(jnp.isfinite(rise), rise, RISE), -RISE, RISE), 2)
    most, most_behind = (LOPSIDED * jnp.maximum(side, 1) for side in (behind, ahead))
    return jnp.minimum(ahead, most), jnp.minimum(behind, most_behind)


def _quadratic(second: Array, size: int) -> Array:
    """Second derivatives `[P, P]` from second derivatives `[N]` along the stencil."""
    rows, columns = np.triu_indices(size, 1)
    along, across = second[:size], second[size:]
    mixed = across - (along[rows] + along[columns]) / 2
    return jnp.diag(along).at[rows, columns].set(mixed).at[columns, rows].set(mixed)


def _triangle(curvature: Array) -> Array:
    """Lower triangle `[P, P]` of the covariance of a curvature, at most as wide as WIDEST."""
    floor = jnp.eye(len(curvature), dtype=curvature.dtype) / WIDEST**2
    return jnp.linalg.cholesky(jnp.linalg.inv(curvature + floor))


def _times(matrix: Array, vector: Array) -> Array:
    """`[P, P]` times `[P]`, at full precision."""
    return (matrix * vector[None]).sum(-1)
