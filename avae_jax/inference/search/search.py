"""The search: scores starts, keeps the best few, refines them, returns the best pose.

With `register`, every start is refined in small steps, and the worse half is dropped each time.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from avae_jax.config.options import SearchOptions
from avae_jax.core.array_checks import require_array
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array, PyTree
from avae_jax.inference.search import first_order, gauss_newton, line_search
from avae_jax.inference.search.batching import over_chosen, over_pairs
from avae_jax.inference.search.problem import Problem
from avae_jax.inference.search.registration import register
from avae_jax.inference.search.select import best_apart

# Fields of resolved options; others depend on the method.
NEEDED = ("keep", "steps", "method", "distance")


class SearchResult(NamedTuple):
    """The result of a search.

    Attributes:
      pose: `[B, d + 1, d + 1]`, the best pose of each example.
      loss: `[B]`, its loss; never above that of the best start.
      candidates: `[B, K, d + 1, d + 1]`, every refined candidate, best first.
      candidate_losses: `[B, K]`.
      nonfinite: `[B]`, number of starts and candidates whose loss was not finite.
      scored, refined: `[B]`, numbers of scored starts and refined candidates.

    >>> import numpy as np, avae_jax
    >>> x = np.zeros((2, 24, 24, 1), np.float32)
    >>> x[:, 6:18, 11:13] = 1
    >>> found = avae_jax.pretrained("digits").find(x)
    >>> found.pose.shape, found.candidates.shape
    ((2, 3, 3), (2, 2, 3, 3))
    """

    pose: Array
    loss: Array
    candidates: Array
    candidate_losses: Array
    nonfinite: Array
    scored: Array
    refined: Array


def search(
    problem: Problem,
    data: PyTree,
    starts: Array,
    *,
    options: SearchOptions,
    chosen: Array | None = None,
) -> SearchResult:
    """Searches the pose of every example of a batch.

    Args:
      data: pytree with leading axis B.
      starts: `[B, R, d + 1, d + 1]`.
      options: resolved by `resolve_search`.
      chosen: `[B, R]`, the starts to score; `None` scores all, and so does `register`.

    Returns:
      The best pose of each example; a start with a non-finite loss counts as +inf.

    Raises:
      InputError: options that are not resolved, or starts of another shape or type.

    >>> import functools, jax, jax.numpy as jnp, avae_jax
    >>> family, ranges = avae_jax.parse_family("translation", 2), avae_jax.RangeOptions()
    >>> problem = avae_jax.Problem(
    ...     predict=lambda goal, pose: pose[:2, 2] - goal,
    ...     loss=lambda goal, apart: (apart**2).sum(),
    ...     retract=functools.partial(avae_jax.retract, family),
    ...     size=family.size,
    ... )
    >>> starts = avae_jax.start_poses(jax.random.key(0), family, ranges, kind="even", count=8)
    >>> options = avae_jax.resolve_search(avae_jax.SearchOptions(kind="even"), family)
    >>> goals = jnp.array([[0.25, -0.125]])
    >>> avae_jax.search(problem, goals, starts[None], options=options).pose[0, :2, 2].round(3)
    Array([ 0.25 , -0.125], dtype=float32)
    """
    _require(data, starts, options)
    data = jax.tree.map(jnp.asarray, data)
    keep = min(options.keep, starts.shape[1])
    if options.method == "register":
        chosen = None
        kept, kept_scores, bad_starts = register(
            problem,
            data,
            starts,
            keep=keep,
            steps=options.steps,
            degrees=options.distance,
            chunk=_chunk(options, problem.size),
            unroll=options.unroll,
        )
    else:
        kept, kept_scores, bad_starts = _score(problem, data, starts, chosen, keep, options)
    worth = _worth(kept_scores, options)
    poses, losses = _refine(problem, data, kept, kept_scores, worth, options)
    bad = ~jnp.isfinite(losses)
    losses = jnp.where(bad, jnp.inf, losses)
    # A candidate that refinement made worse falls back to its start.
    poses = jnp.where((losses < kept_scores)[..., None, None], poses, kept)
    losses = jnp.minimum(losses, kept_scores)
    order = jnp.argsort(losses, 1)
    poses = jnp.take_along_axis(poses, order[..., None, None], 1)
    losses = jnp.take_along_axis(losses, order, 1)
    scored = jnp.full(losses.shape[0], starts.shape[1]) if chosen is None else chosen.sum(1)
    refined = worth.sum(1)
    return SearchResult(
        pose=poses[:, 0],
        loss=losses[:, 0],
        candidates=poses,
        candidate_losses=losses,
        nonfinite=bad_starts + (bad & worth).sum(1),
        scored=scored,
        refined=refined,
    )


def _require(data: PyTree, starts: Array, options: SearchOptions) -> None:
    """Checks what can be checked without knowing the problem."""
    open_fields = [name for name in NEEDED if getattr(options, name) is None]
    if open_fields:
        raise InputError(
            f"search: options with {open_fields[0]}=None, wanted those of "
            "avae_jax.resolve_search(options, family)"
        )
    side = starts.shape[-1] if starts.ndim else 0
    require_array("search: starts", starts, ("B", "R", side, side))
    leaves = jax.tree.leaves(data)
    lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in leaves} | {len(starts)}
    if len(lengths) > 1:
        raise InputError(
            f"search: data of {sorted(lengths - {len(starts)})[0]} examples and starts of "
            f"{len(starts)}, wanted a leading axis of one length"
        )


def _score(
    problem: Problem,
    data: PyTree,
    starts: Array,
    chosen: Array | None,
    keep: int,
    options: SearchOptions,
) -> tuple[Array, Array, Array]:
    """The best `keep` starts of each example, their losses, and the number of non-finite ones."""
    if chosen is None:
        scores = over_pairs(problem.value, data, starts, chunk=options.chunk, share=problem.share)
        bad = ~jnp.isfinite(scores)
    else:
        unknown = jnp.full(chosen.shape, jnp.inf)
        scores = over_chosen(
            problem.value,
            data,
            starts,
            chosen,
            default=unknown,
            chunk=options.chunk,
            share=problem.share,
        )
        bad = chosen & ~jnp.isfinite(scores)
    scores = jnp.where(jnp.isfinite(scores), scores, jnp.inf)
    taken = jax.vmap(
        lambda poses, losses: best_apart(poses, losses, keep=keep, degrees=options.distance)
    )(starts, scores)
    kept = jnp.take_along_axis(starts, taken[..., None, None], 1)
    return kept, jnp.take_along_axis(scores, taken, 1), bad.sum(1)


def _worth(losses: Array, options: SearchOptions) -> Array:
    """The kept candidates to refine, bool `[B, K]`, the best first."""
    if options.method != "line":
        return jnp.ones(losses.shape, bool)
    return (losses <= losses[:, :1] + options.margin).at[:, 0].set(True)


def _refine(
    problem: Problem,
    data: PyTree,
    poses: Array,
    losses: Array,
    worth: Array,
    options: SearchOptions,
) -> tuple[Array, Array]:
    """Refined poses and losses of kept candidates `[B, K]`."""
    if options.method == "line":
        return _refine_along(problem, data, poses, losses, worth, options)
    steps = options.polish if options.method == "register" else options.steps
    if not steps:
        return poses, losses

    def one(datum: PyTree, pose: Array) -> tuple[Array, Array]:
        shared: dict[str, Any] = {"steps": steps, "unroll": options.unroll}
        if options.method == "adam":
            optimiser = optax.adam(options.learning_rate)
            return first_order.refine(problem, datum, pose, optimiser=optimiser, **shared)
        return gauss_newton.refine(problem, datum, pose, **shared)

    chunk = _chunk(options, problem.size)
    return over_pairs(one, data, poses, chunk=chunk, share=problem.share)


def _refine_along(
    problem: Problem,
    data: PyTree,
    poses: Array,
    losses: Array,
    worth: Array,
    options: SearchOptions,
) -> tuple[Array, Array]:
    """Kept candidates within the margin, refined without derivatives."""
    if not line_search.values(options.steps, options.polish):
        return poses, losses

    def one(datum: PyTree, candidate: tuple[Array, Array]) -> tuple[Array, Array]:
        pose, loss = candidate
        shared = {"halvings": options.steps, "parabolas": options.polish}
        return line_search.refine(problem, datum, pose, loss, **shared)

    candidates = poses, losses
    shared: dict[str, Any] = {"chunk": options.chunk, "share": problem.share}
    if worth.shape[1] == 1:
        return over_pairs(one, data, candidates, **shared)
    return over_chosen(one, data, candidates, worth, default=candidates, **shared)


def _chunk(options: SearchOptions, size: int) -> int | None:
    """Pairs at once if each holds a tangent (or a backward pass) for every parameter."""
    return options.chunk and max(1, options.chunk // (1 + size))
