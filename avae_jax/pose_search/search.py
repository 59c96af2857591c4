"""The search: score every start, keep the best few, refine those, return the best met."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from avae_jax.options import SearchOptions
from avae_jax.pose_search import gauss_newton, gradient
from avae_jax.pose_search.pairs import over_pairs
from avae_jax.pose_search.problem import Problem
from avae_jax.pose_search.select import best_apart
from avae_jax.types import Array, PyTree


class SearchResult(NamedTuple):
    """What a search found.

    Attributes:
      pose: `[B, d + 1, d + 1]`, the best pose of each example.
      loss: `[B]`, its loss; never above that of the best start.
      candidates: `[B, K, d + 1, d + 1]`, every refined candidate, best first.
      candidate_losses: `[B, K]`.
      nonfinite: `[B]`, starts and candidates whose loss was not finite.
      cost: `[B]`, forward-equivalents spent.
    """

    pose: Array
    loss: Array
    candidates: Array
    candidate_losses: Array
    nonfinite: Array
    cost: Array


def search(
    problem: Problem, data: PyTree, starts: Array, *, options: SearchOptions
) -> SearchResult:
    """Searches the pose of every example of a batch.

    Args:
      data: pytree with leading axis B.
      starts: `[B, R, d + 1, d + 1]`.
      options: resolved (see `presets.resolve`): `keep`, `steps`, `method` and so on.

    Returns:
      The best pose of each example; a start with a non-finite loss counts as +inf.
    """
    scores = over_pairs(problem.value, data, starts, chunk=options.chunk)
    starts_bad = ~jnp.isfinite(scores)
    scores = jnp.where(starts_bad, jnp.inf, scores)
    keep = min(options.keep, starts.shape[1])
    taken = jax.vmap(
        lambda poses, losses: best_apart(poses, losses, keep=keep, degrees=options.distance)
    )(starts, scores)
    kept = jnp.take_along_axis(starts, taken[..., None, None], 1)
    kept_scores = jnp.take_along_axis(scores, taken, 1)
    poses, losses = _refine(problem, data, kept, options)
    bad = ~jnp.isfinite(losses)
    losses = jnp.where(bad, jnp.inf, losses)
    # A candidate that refinement spoiled falls back to where it started.
    poses = jnp.where((losses < kept_scores)[..., None, None], poses, kept)
    losses = jnp.minimum(losses, kept_scores)
    order = jnp.argsort(losses, 1)
    poses = jnp.take_along_axis(poses, order[..., None, None], 1)
    losses = jnp.take_along_axis(losses, order, 1)
    cost = jnp.full(losses.shape[0], forward_equivalents(problem.size, starts.shape[1], options))
    nonfinite = starts_bad.sum(1) + bad.sum(1)
    return SearchResult(poses[:, 0], losses[:, 0], poses, losses, nonfinite, cost)


def _refine(
    problem: Problem, data: PyTree, poses: Array, options: SearchOptions
) -> tuple[Array, Array]:
    if not options.steps:
        return poses, over_pairs(problem.value, data, poses, chunk=options.chunk)

    def one(datum: PyTree, pose: Array) -> tuple[Array, Array]:
        shared = {"steps": options.steps, "unroll": options.unroll}
        if options.method == "gauss_newton":
            return gauss_newton.refine(problem, datum, pose, **shared)
        optimiser = optax.adam(options.learning_rate)
        return gradient.refine(problem, datum, pose, optimiser=optimiser, **shared)

    # A refinement holds a tangent (or a backward pass) for each parameter.
    chunk = options.chunk and max(1, options.chunk // (1 + problem.size))
    return over_pairs(one, data, poses, chunk=chunk)


def forward_equivalents(size: int, starts: int, options: SearchOptions) -> float:
    """What a search costs for one example, in forward passes of the full objective."""
    if not options.steps:
        each = 1.0
    elif options.method == "gauss_newton":
        each = gauss_newton.cost(size, options.steps)
    else:
        each = gradient.cost(options.steps)
    return starts + min(options.keep, starts) * each
