"""Data of the interactive parts of the report: pose sweeps, retained optima, latent map."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import report
from avae_jax.core import batches, sharding
from avae_jax.core.types import PyTree
from avae_jax.data.intensity import constant_examples
from avae_jax.evaluation.dial import Dial, dial_of, dial_poses, display_rotation, values_of
from avae_jax.evaluation.held_out import CompiledEvaluation, HeldOutResult, in_batches
from avae_jax.evaluation.latent_space import neighbours, principal, walks
from avae_jax.evaluation.task import Task
from avae_jax.evaluation.trial_poses import PoseSweep, sweep_poses, thumbnail
from avae_jax.inference import ambiguity
from avae_jax.inference.problem import bounded
from avae_jax.inference.search import SearchResult
from avae_jax.inference.search.select import near
from avae_jax.inference.trained import Trained
from avae_jax.models.observed import filled
from avae_jax.transform.describe import sentences

# Examples on the map and with a dial, by dimension: a volume takes time to render.
MAPPED, TRIED = {2: 200, 3: 60}, {2: 24, 3: 6}
# One in this many of the examples with a dial is chosen as the most doubtful of the rest.
DOUBTFUL_ONES = 4


class SearchedExamples(NamedTuple):
    """The m examples of the map, and what the search of the evaluation found of them.

    Attributes:
      observed: `[m, *S, C]`.
      applied, pose: `[m, d + 1, d + 1]`.
      candidates, losses: `[m, K, d + 1, d + 1]` and `[m, K]`, the best first.
      gap: `[m]` nats to the next optimum.
      doubtful: `[m]`.
    """

    observed: np.ndarray
    applied: np.ndarray
    pose: np.ndarray
    candidates: np.ndarray
    losses: np.ndarray
    gap: np.ndarray
    doubtful: np.ndarray


def explorer_data(
    task: Task, trained: Trained, calls: CompiledEvaluation, measured: HeldOutResult
) -> report.Exploration | None:
    """Evaluates many poses of a few measured examples, and a latent map of more of them.

    `None` if `eval.explored` is false.
    """
    group = task.avae.group
    if not task.options.eval.explored:
        return None
    seen = first_searched(task, calls, measured)
    upright = display_rotation(group, seen.pose, seen.applied, one_pose=task.options.one_pose)
    dial, chosen = dial_of(group, task.options.ranges), choose_examples(seen.gap, TRIED[group.d])
    # All at once: each number of poses is compiled for.
    every = np.concatenate([seen.pose[:, None], seen.candidates], axis=1)
    flat = every.reshape(-1, *seen.pose.shape[1:])
    there = values_of(dial, flat, task.avae.inner).reshape(every.shape[:2])
    words = np.array(sentences(flat, group, task.avae.inner), object).reshape(there.shape)
    values, poses = dial_poses(
        dial, seen.pose[chosen], there[chosen, 0], group=group, upright=upright
    )
    still = np.broadcast_to(np.eye(group.d + 1, dtype=np.float32), seen.pose.shape)
    dials = chosen, np.concatenate([poses, seen.candidates[chosen]], 1)
    placed_at = np.arange(len(still)), np.stack([seen.pose, still], 1)
    tried, placed = _attempt(task, trained, upright, seen.observed, (dials, placed_at))
    rows = [PoseSweep(*(leaf[i] for leaf in tried)) for i in range(len(chosen))]
    each = zip(chosen, values, there[chosen, 1:], words[chosen, 1:], rows, strict=True)
    trials = [_trial(task, dial, seen, *one) for one in each]
    atlas = _atlas(task, seen, placed, tuple(words[:, 0]))
    return report.Exploration(
        kind=dial.kind,
        unit=dial.unit,
        relative=dial.relative,
        whole=dial.whole,
        doubtful=ambiguity.DOUBTFUL,
        trials=tuple(trials),
        atlas=atlas,
        walks=walks(task, trained, placed.code[:, 0], atlas.labels, upright),
    )


def first_searched(
    task: Task, calls: CompiledEvaluation, measured: HeldOutResult
) -> SearchedExamples:
    """The first measured examples, each at its applied pose, with the kept candidates."""
    count = min(MAPPED[task.avae.group.d], len(measured.found))
    observed = in_batches(lambda x, index: calls.apply(x=x, index=index)[0], task, count)
    found = SearchResult(*(leaf[:count] for leaf in measured.result))
    degrees = task.search.distance or ambiguity.DEGREES
    gap = np.asarray(ambiguity.runner_up_gap(found, degrees=degrees))
    doubtful = ambiguity.is_ambiguous(
        gap, nonfinite=found.nonfinite, constant=constant_examples(observed)
    )
    return SearchedExamples(
        observed,
        measured.applied[:count],
        found.pose,
        found.candidates,
        found.candidate_losses,
        gap,
        doubtful,
    )


def choose_examples(gap: np.ndarray, count: int) -> np.ndarray:
    """The `count` examples with a dial: the first ones, and the most doubtful of the others."""
    count = min(count, len(gap))
    first = count - count // DOUBTFUL_ONES
    others = first + np.argsort(gap[first:], kind="stable")
    return np.concatenate([np.arange(first), others[: count - first]])


def _attempt(
    task: Task,
    trained: Trained,
    upright: np.ndarray,
    observed: np.ndarray,
    tried: Sequence[tuple[np.ndarray, np.ndarray]],
) -> list[PoseSweep]:
    """`sweep_poses` of some of `observed: [n, *S, C]`, over the devices.

    All of it is one list of pairs of an example and a pose, so that one program serves.

    Args:
      tried: indices of examples `[m]` and their poses `[m, A, d + 1, d + 1]`.
    """
    avae = task.avae
    owners = np.concatenate([np.repeat(index, poses.shape[1]) for index, poses in tried])
    flat = np.concatenate([poses.reshape(-1, 1, *poses.shape[2:]) for _, poses in tried])
    chunk = bounded(task.search, avae).chunk
    size = sharding.whole_parts(min(task.options.eval.batch_size, chunk or len(flat), len(flat)))
    function = functools.partial(sweep_poses, avae=avae, chunk=chunk)
    function = sharding.examples(function, whole=("params", "upright"))

    def one(pairs: np.ndarray) -> PyTree:
        x, poses = sharding.split(observed, owners[pairs]), sharding.split(flat, pairs)
        return function(params=trained.params, x=x, poses=poses, upright=upright)

    found = batches.in_batches(one, np.arange(len(flat)), size=size)
    ends = np.cumsum([poses.shape[0] * poses.shape[1] for _, poses in tried])[:-1]
    parts = zip(*(np.split(leaf[:, 0], ends) for leaf in found), strict=True)
    return [
        PoseSweep(*(leaf.reshape(*poses.shape[:2], *leaf.shape[1:]) for leaf in part))
        for part, (_, poses) in zip(parts, tried, strict=True)
    ]


def _trial(
    task: Task,
    dial: Dial,
    seen: SearchedExamples,
    example: int,
    values: np.ndarray,
    there: np.ndarray,
    moved_by: Sequence[str],
    tried: PoseSweep,
) -> report.Trial:
    """One example at all stops of its dial and at its distinct optima.

    Args:
      there: `[K]`, where its candidates lie on the dial.
      moved_by: `[K]`, its candidates in words.
    """
    avae, search = task.avae, task.search
    candidates, count = seen.candidates[example], len(values)
    kept = apart(candidates, seen.losses[example], degrees=search.distance or ambiguity.DEGREES)
    # The dial leads to the found pose, and to others where it sets the one parameter there is.
    known = (avae.group.size == 1) & (not dial.relative) | (kept == 0)
    rows = np.concatenate([np.arange(count), count + kept])
    return report.Trial(
        example=int(example),
        values=np.concatenate([values, np.where(known, there[kept], np.nan)]),
        losses=tried.loss[rows],
        turned=tried.turned[rows],
        drawn=tried.drawn[rows],
        reconstruction=tried.reconstruction[rows],
        moved_by=tuple(moved_by[k] for k in kept),
    )


def apart(poses: np.ndarray, losses: np.ndarray, *, degrees: float) -> np.ndarray:
    """The candidates `poses: [K, d + 1, d + 1]`, best first, that are apart from all better ones.

    Candidates whose loss is not finite are left out, except for the first.
    """
    close = np.asarray(near(jnp.asarray(poses), jnp.asarray(poses), degrees=degrees))
    kept: list[int] = []
    for place in range(len(poses)):
        if not kept or (np.isfinite(losses[place]) and not close[place, kept].any()):
            kept.append(place)
    return np.array(kept)


def _atlas(
    task: Task, seen: SearchedExamples, tried: PoseSweep, moved_by: tuple[str, ...]
) -> report.Atlas:
    """The latent map, from every example `tried` at the found pose and unmoved."""
    avae, dataset, count = task.avae, task.dataset, len(seen.pose)
    place, shares = principal(tried.code[:, 0])
    return report.Atlas(
        observed=np.asarray(jax.jit(jax.vmap(thumbnail))(filled(seen.observed, avae.fill))),
        canonical=tried.drawn[:, 0],
        place=place,
        shares=shares,
        labels=dataset.test_labels[:count] if dataset.label_names else None,
        loss_before=tried.loss[:, 1],
        loss_after=tried.loss[:, 0],
        gap=seen.gap,
        doubtful=seen.doubtful,
        moved_by=moved_by,
        neighbours=neighbours(tried.code[:, 0]),
    )
