"""A normal of code and pose around one optimum of the posterior.

The normal of least divergence
from the posterior has the mean curvature of its own draws as its precision, and their mean gradient
is zero. Opposite points one deviation away along every axis stand for the draws: the mean
curvature (of the expected example) of pairs of them is H_k, their mean gradients and then those of
eight lead to z_k and M_k, and the mean loss of the eight, by which the divergence of one normal is
compared with that of the next, gives w_k. The first deviations are those at the peak, which
Gauss-Newton steps down `-log p(x, z, M)` in code and pose find. In many dimensions the mass is far
from the peak, and the deviations that the encoder states serve as well.

Reference: M. Opper and C. Archambeau, The variational Gaussian approximation revisited, 2009;
docs/decisions/0023-joint-posterior.md.
"""

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
    latent = len(deviations)
    short = latent < MANY
    # A flat direction of the pose, as of a round object, must not reach around the circle.
    floor = np.diag(np.repeat([0, WIDEST**-2], [latent, task.size - latent]).astype(np.float32))

    def climb(around: Around, _: None) -> tuple[Around, None]:
        local = gauss_newton.linearise(task, seen, around.place)
        root, spread = _roots(local.curvature + floor)
        return Around(task.retract(around.place, _step(local.gradient, spread)), root, spread), None

    def look(around: Around, given: tuple[Array, Array]) -> tuple[Around, None]:
        signs, (share, keep) = given
        two = _opposite(around, signs[None], task=task)
        gradient, curvature = _mean_of_two(task, seen, two, whole=short)
        before = jnp.matmul(around.root, around.root.mT, precision="highest")
        root, spread = _roots(keep * before + (1 - keep) * (curvature + floor))
        step = share * _step(gradient, spread)
        return Around(task.retract(around.place, step), root, spread), None

    stated = jnp.diag(jnp.concatenate([deviations, jnp.zeros(task.size - latent)]))
    around = Around(guess, jnp.eye(task.size, dtype=stated.dtype), stated)
    if short:
        around = jax.lax.scan(climb, around, None, length=STEPS)[0]
    rounds = np.array(ROUNDS if short else ROUNDS[:1], np.float32)
    # The same for all examples, so that losses of several optima differ by no other draw.
    random = np.random.default_rng(0)
    signs, last = (
        jnp.asarray(random.choice([-1.0, 1.0], (count, task.size)), jnp.float32)
        for count in (len(rounds), LAST // 2)
    )
    (place, root, spread), _ = jax.lax.scan(look, around, (signs, jnp.asarray(rounds)))
    points = _opposite(Around(place, root, spread), last, task=task)
    losses, gradients = jax.vmap(lambda at: _slope(task, seen, at))(points)
    gradient = gradients.mean(0)
    step = _step(gradient, spread)
    fall = (gradient * step).sum() + _squares(step, root) / 2
    return Peak(task.retract(place, step), losses.mean() + fall, root, spread)


def _mean_of_two(
    task: Problem, seen: SearchInput, two: Place, *, whole: bool
) -> tuple[Array, Array]:
    """The mean gradient of two places, and their mean curvature or that of the first."""
    if whole:
        both = jax.vmap(lambda at: gauss_newton.linearise(task, seen, at))(two)
        return both.gradient.mean(0), both.curvature.mean(0)
    first, second = (jax.tree.map(lambda leaf, n=n: leaf[n], two) for n in (0, 1))
    _, gradient, curvature = gauss_newton.linearise(task, seen, first)
    return (gradient + _slope(task, seen, second)[1]) / 2, curvature


def _slope(task: Problem, seen: SearchInput, place: Place) -> tuple[Array, Array]:
    """The loss `[]` and its gradient `[Z + P]` at a place, by one derivative backwards."""

    def loss(step: Array) -> Array:
        return task.loss(seen, task.predict(seen, task.retract(place, step)))

    return jax.value_and_grad(loss)(jnp.zeros(task.size, place.code.dtype))


def _opposite(around: Around, signs: Array, *, task: Problem) -> Place:
    """Places `[2 n]`, one deviation away along every axis, on the sides of `signs: [n, Z + P]`."""
    aside = jnp.einsum("ij,nj->ni", around.spread, signs, precision="highest")
    steps = jnp.concatenate([aside, -aside])
    return jax.vmap(lambda step: task.retract(around.place, step))(steps)


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
