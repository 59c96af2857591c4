"""A normal of code and pose around one optimum of the posterior.

The normal of least divergence from the posterior has the mean curvature of its own draws as its
precision, and their mean gradient is zero. Opposite places one deviation away along every axis
stand for the draws: the mean curvature (of the expected example) of pairs of them is H_k, their
mean gradients and then those of eight lead to z_k and M_k, and the mean loss of the eight, by which
the divergence of one normal is compared with that of the next, gives w_k. The first deviations are
those at the peak, which Gauss-Newton steps down `-log p(x, z, M)` in code and pose find. In many
dimensions the mass is far from the peak, and the deviations that the encoder states serve as well.

Reference: M. Opper and C. Archambeau, The variational Gaussian approximation revisited, 2009;
docs/decisions/0023-joint-posterior.md.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array
from avae_jax.inference.joint_problem import Place
from avae_jax.inference.problem import SearchInput
from avae_jax.inference.search import Problem, gauss_newton
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


class Around(NamedTuple):
    """A normal; `root` and `spread` as of `Peak`."""

    place: Place
    root: Array
    spread: Array


class Sums(NamedTuple):
    """Gradients `[Z + P]` and curvatures `[Z + P, Z + P]` at places around a normal."""

    gradient: Array
    curvature: Array


class Visit(NamedTuple):
    """One place where gradient and curvature are looked at; all visits share one program.

    Attributes:
      signs: `[Z + P]`, 1 or -1 for the side along every axis, 0 for the centre.
      gradients, curvatures: number of places that the sums hold with this one.
      ends: whether the normal moves and widens by the means now; the rest says by how much.
      share: of the step.
      keep: share of the precision before.
    """

    signs: np.ndarray
    gradients: float = 1.0
    curvatures: float = 1.0
    ends: bool = True
    share: float = 1.0
    keep: float = 0.0


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


def peak_near(task: Problem, seen: SearchInput, guess: Place, deviations: Array) -> Peak:
    """The normal of one example from a first guess of its centre and of its code's deviations."""
    latent, size = len(deviations), task.size
    short = latent < MANY
    # The same for all examples, so that losses of several optima differ by no other draw.
    random = np.random.default_rng(0)
    sides, last = (
        random.choice([-1.0, 1.0], (count, size)).astype(np.float32)
        for count in (len(ROUNDS) if short else 1, LAST // 2)
    )
    stated = jnp.diag(jnp.concatenate([deviations, jnp.zeros(size - latent)]))
    around = Around(guess, jnp.eye(size, dtype=stated.dtype), stated)
    sums = Sums(jnp.zeros(size, stated.dtype), jnp.zeros_like(stated))
    if short:
        visits = _visits_of_short(sides)
    else:
        opposite = _slope(task, seen, _aside(around, jnp.asarray(-sides[0]), task=task))[1]
        sums, visits = sums._replace(gradient=opposite), [Visit(sides[0], gradients=2.0)]
    each = jax.tree.map(lambda *parts: jnp.asarray(np.stack(parts)), *visits)
    # A flat direction of the pose, as of a round object, must not reach around the circle.
    floor = np.diag(np.repeat([0, WIDEST**-2], [latent, size - latent]).astype(np.float32))
    look = functools.partial(_look, task, seen, floor)
    (around, _), _ = jax.lax.scan(look, (around, sums), each)
    return _settled(task, seen, around, jnp.asarray(np.concatenate([last, -last])))


def _visits_of_short(sides: np.ndarray) -> list[Visit]:
    """Climbs from the centre, and rounds with opposite sides, `[rounds, Z + P]`."""
    visits = [Visit(0 * sides[0])] * STEPS
    for side, (share, keep) in zip(sides, ROUNDS, strict=True):
        visits += [Visit(side, ends=False), Visit(-side, 2.0, 2.0, share=share, keep=keep)]
    return visits


def _look(
    task: Problem, seen: SearchInput, floor: np.ndarray, state: tuple[Around, Sums], visit: Visit
) -> tuple[tuple[Around, Sums], None]:
    """A normal and the sums after a visit."""
    around, sums = state
    local = gauss_newton.linearise(task, seen, _aside(around, jnp.asarray(visit.signs), task=task))
    sums = Sums(sums.gradient + local.gradient, sums.curvature + local.curvature)
    before = jnp.matmul(around.root, around.root.mT, precision="highest")
    mean = sums.curvature / visit.curvatures + floor
    root, spread = _roots(visit.keep * before + (1 - visit.keep) * mean)
    step = visit.share * _step(sums.gradient / visit.gradients, spread)
    moved = Around(task.retract(around.place, step), root, spread)
    after = moved, jax.tree.map(jnp.zeros_like, sums)
    return jax.tree.map(functools.partial(jnp.where, visit.ends), after, (around, sums)), None


def _settled(task: Problem, seen: SearchInput, around: Around, signs: Array) -> Peak:
    """The normal after a step by the gradients on the sides `[n, Z + P]`, and its loss."""
    points = jax.vmap(lambda one: _aside(around, one, task=task))(signs)
    losses, gradients = jax.vmap(lambda at: _slope(task, seen, at))(points)
    place, root, spread = around
    gradient = gradients.mean(0)
    step = _step(gradient, spread)
    fall = (gradient * step).sum() + _squares(step, root) / 2
    return Peak(task.retract(place, step), losses.mean() + fall, root, spread)


def _slope(task: Problem, seen: SearchInput, place: Place) -> tuple[Array, Array]:
    """The loss `[]` and its gradient `[Z + P]` at a place, by one derivative backwards."""

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


def _squares(step: Array, root: Array) -> Array:
    """The squared length `[]` of a step in deviations."""
    scaled = jnp.matmul(root.mT, step, precision="highest")
    return (scaled * scaled).sum()
