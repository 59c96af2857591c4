"""A normal of code and pose around one optimum of the posterior.

The normal of least divergence from the posterior has the mean curvature of its own draws as its
precision, and their mean gradient is zero. Opposite places one deviation away along every axis
stand for the draws: the mean curvature (of the expected example) of pairs of them is H_k, their
mean gradients and then those of eight lead to z_k and M_k, and the mean loss of the eight, by which
the divergence of one normal is compared with that of the next, gives w_k. The first deviations are
those at the peak, which Gauss-Newton steps down `-log p(x, z, M)` in code and pose find; an optimum
that is far worse than another one there goes no further. In many dimensions the mass is far from
the peak, and the deviations that the encoder states serve as well.

Reference: M. Opper and C. Archambeau, The variational Gaussian approximation revisited, 2009;
docs/decisions/0023-joint-posterior.md.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array, PyTree
from avae_jax.inference.joint_problem import Place
from avae_jax.inference.problem import SearchInput
from avae_jax.inference.search import Problem, gauss_newton
from avae_jax.inference.search.batching import over_chosen
from avae_jax.inference.search.curvature import WIDEST

# Steps of Gauss-Newton from the pose of the search and the code of the encoder.
STEPS = 2
# Rounds of two opposite points: the share of the step that is taken, since the gradients of few
# points are noisy, and what the precision before counts for in the new one.
ROUNDS = ((1.0, 0.0), (0.5, 0.5))
# Codes of more numbers begin with the deviations of the encoder, take one round, and the curvature
# of one point: on chairs of 16^3 with 32 numbers this is as good, in half the time.
MANY = 16
# Opposite points for the last gradient and the weights, which take one derivative backwards each.
LAST = 8
# Nats below the best optimum, by Laplace's approximation, from which one counts as none.
HOPELESS = 20.0


class Around(NamedTuple):
    """A normal; `root` and `spread` as of `Peak`, `height` is its log weight."""

    place: Place
    root: Array
    spread: Array
    height: Array


class Sums(NamedTuple):
    """Gradients `[Z + P]` and curvatures `[Z + P, Z + P]` at places around a normal."""

    gradient: Array
    curvature: Array


class Visit(NamedTuple):
    """One place around every normal; all visits share one program.

    Attributes:
      signs: `[Z + P]`, 1 or -1 for the side along every axis, 0 for the centre.
      gradients, curvatures: number of places that the sums hold with this one.
      ends: whether the normal moves and widens by the means now; the rest says by how much.
      share: of the step.
      keep: share of the precision before.
      judges: whether normals that are `HOPELESS` now go no further.
    """

    signs: np.ndarray
    gradients: float = 1.0
    curvatures: float = 1.0
    ends: bool = True
    share: float = 1.0
    keep: float = 0.0
    judges: bool = False


class Peak(NamedTuple):
    """A normal around an optimum.

    Attributes:
      loss: `[]`, mean of points one deviation away along every axis.
      root: `[Z + P, Z + P]`, lower triangular, with `precision = root root^T`.
      spread: `[Z + P, Z + P]`, upper triangular, with `covariance = spread spread^T`.
    """

    place: Place
    loss: Array
    root: Array
    spread: Array


def peaks_near(
    task: Problem, seen: SearchInput, guesses: Place, deviations: Array, *, chunk: int | None
) -> Peak:
    """The normals around the optima `[B, K]` of examples `[B]`, from a first guess of each.

    Args:
      guesses: of the centres, leading axes `[B, K]`.
      deviations: `[B, K, Z]`, a guess of those of the code.
      chunk: number of (example, candidate) pairs that are computed at once.

    Returns:
      An infinite loss for those that are `HOPELESS`.
    """
    (latent, size), pairs = (deviations.shape[-1], task.size), deviations.shape[:2]
    short = latent < MANY
    # The same for all examples, so that losses of several optima differ by no other draw.
    random = np.random.default_rng(0)
    sides, last = (
        random.choice([-1.0, 1.0], (count, size)).astype(np.float32)
        for count in (len(ROUNDS) if short else 1, LAST // 2)
    )
    empty = jnp.zeros((*pairs, size, size), deviations.dtype)
    axes = np.arange(latent)
    stated = empty.at[..., axes, axes].set(deviations)
    unit = jnp.broadcast_to(jnp.eye(size, dtype=empty.dtype), empty.shape)
    around = Around(guesses, unit, stated, jnp.zeros(pairs, deviations.dtype))
    sums, alive = Sums(empty[..., 0], empty), jnp.ones(pairs, bool)

    def over(function: Callable, candidates: PyTree, alive: Array, *, default: PyTree) -> PyTree:
        return over_chosen(function, seen, candidates, alive, default=default, chunk=chunk)

    if short:
        visits = _visits_of_short(sides)
    else:
        opposite = functools.partial(_slope, task, jnp.asarray(-sides[0]))
        default = around.height, sums.gradient
        _, gradient = over(opposite, around, alive, default=default)
        sums, visits = sums._replace(gradient=gradient), [Visit(sides[0], gradients=2.0)]
    # A flat direction of the pose, as of a round object, must not reach around the circle.
    floor = np.diag(np.repeat([0, WIDEST**-2], [latent, size - latent]).astype(np.float32))

    def visit(state: tuple, each: Visit) -> tuple[tuple, None]:
        found, alive = state
        found = over(functools.partial(_look, task, floor, each), found, alive, default=found)
        low = found[0].height
        low = low < jnp.where(jnp.isfinite(low), low, -jnp.inf).max(1, keepdims=True) - HOPELESS
        return (found, alive & ~(each.judges & low)), None

    all_visits = jax.tree.map(lambda *parts: jnp.asarray(np.stack(parts)), *visits)
    ((around, _), alive), _ = jax.lax.scan(visit, ((around, sums), alive), all_visits)
    settle = functools.partial(_settled, task, jnp.asarray(np.concatenate([last, -last])))
    none = Peak(around.place, jnp.full_like(around.height, jnp.inf), around.root, around.spread)
    return over(settle, around, alive, default=none)


def _visits_of_short(sides: np.ndarray) -> list[Visit]:
    """Climbs from the centre, and rounds with opposite sides, `[rounds, Z + P]`."""
    visits = [Visit(0 * sides[0], judges=step == STEPS - 1) for step in range(STEPS)]
    for side, (share, keep) in zip(sides, ROUNDS, strict=True):
        visits += [Visit(side, ends=False), Visit(-side, 2.0, 2.0, share=share, keep=keep)]
    return visits


def _look(
    task: Problem, floor: np.ndarray, visit: Visit, seen: SearchInput, state: tuple[Around, Sums]
) -> tuple[Around, Sums]:
    """A normal and the sums after a visit."""
    around, sums = state
    local = gauss_newton.linearise(task, seen, _aside(around, jnp.asarray(visit.signs), task=task))
    sums = Sums(sums.gradient + local.gradient, sums.curvature + local.curvature)
    before = jnp.matmul(around.root, around.root.mT, precision="highest")
    mean = sums.curvature / visit.curvatures + floor
    root, spread = _roots(visit.keep * before + (1 - visit.keep) * mean)
    gradient = sums.gradient / visit.gradients
    step = visit.share * _step(gradient, spread)
    height = -local.loss - _rise(gradient, step, root) - jnp.log(jnp.diagonal(root)).sum()
    moved = Around(task.retract(around.place, step), root, spread, height)
    after = moved, jax.tree.map(jnp.zeros_like, sums)
    return jax.tree.map(functools.partial(jnp.where, visit.ends), after, (around, sums))


def _settled(task: Problem, signs: Array, seen: SearchInput, around: Around) -> Peak:
    """The normal after a step by the gradients on the sides `[n, Z + P]`, and its loss."""
    losses, gradients = jax.vmap(lambda side: _slope(task, side, seen, around))(signs)
    gradient = gradients.mean(0)
    step = _step(gradient, around.spread)
    loss = losses.mean() + _rise(gradient, step, around.root)
    return Peak(task.retract(around.place, step), loss, around.root, around.spread)


def _slope(task: Problem, signs: Array, seen: SearchInput, around: Around) -> tuple[Array, Array]:
    """The loss `[]` and its gradient `[Z + P]` on a side, by one derivative backwards."""
    place = _aside(around, signs, task=task)

    def loss(step: Array) -> Array:
        return task.loss(seen, task.predict(seen, task.retract(place, step)))

    return jax.value_and_grad(loss)(jnp.zeros(task.size, place.code.dtype))


def _aside(around: Around, signs: Array, *, task: Problem) -> Place:
    """The place one deviation away along every axis, on the sides of `signs: [Z + P]`."""
    return task.retract(around.place, (around.spread * signs[None]).sum(-1))


def _roots(precision: Array) -> tuple[Array, Array]:
    """The lower root of a precision, and the upper root of its inverse."""
    root = jnp.linalg.cholesky(precision)
    eye = jnp.eye(len(root), dtype=root.dtype)
    return root, jax.scipy.linalg.solve_triangular(root.mT, eye)


def _step(gradient: Array, spread: Array) -> Array:
    """The step to the bottom of a parabola, of limited length; none where it is not known."""
    step = -jnp.matmul(spread, jnp.matmul(spread.mT, gradient, precision="highest"))
    step = step * jnp.minimum(1, gauss_newton.LONGEST / (jnp.abs(step).max() + 1e-12))
    return jnp.where(jnp.isfinite(step).all(), step, 0)


def _rise(gradient: Array, step: Array, root: Array) -> Array:
    """How far a parabola rises by a step, `[]`."""
    scaled = jnp.matmul(root.mT, step, precision="highest")
    return (gradient * step).sum() + (scaled * scaled).sum() / 2
