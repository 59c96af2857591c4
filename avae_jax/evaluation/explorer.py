"""Data of the interactive parts of the report: pose sweeps, retained optima, latent map."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import report
from avae_jax.core import sharding
from avae_jax.core.types import Array, PyTree
from avae_jax.data.intensity import constant_examples
from avae_jax.evaluation.dial import Dial, dial_of, dial_poses, display_rotation, values_of
from avae_jax.evaluation.held_out import CompiledEvaluation, HeldOutResult, in_batches
from avae_jax.evaluation.task import Task
from avae_jax.evaluation.trial_poses import PoseSweep, sweep_poses, thumbnail
from avae_jax.inference import ambiguity
from avae_jax.inference.problem import bounded
from avae_jax.inference.search import SearchResult
from avae_jax.inference.search.select import near
from avae_jax.inference.trained import Trained
from avae_jax.models.observed import filled
from avae_jax.transform.describe import sentence

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
    attempt = functools.partial(_attempt, task, trained, upright)
    dial, chosen = dial_of(group, task.options.ranges), choose_examples(seen.gap, TRIED[group.d])
    values, poses = dial_poses(
        dial, seen.pose[chosen], group=group, frame=task.avae.inner, upright=upright
    )
    tried = attempt(seen.observed[chosen], np.concatenate([poses, seen.candidates[chosen]], 1))
    still = np.broadcast_to(np.eye(group.d + 1, dtype=np.float32), seen.pose.shape)
    rows = [PoseSweep(*(leaf[i] for leaf in tried)) for i in range(len(chosen))]
    trials = [_trial(task, dial, seen, *each) for each in zip(chosen, values, rows, strict=True)]
    atlas = _atlas(task, seen, attempt(seen.observed, np.stack([seen.pose, still], 1)))
    return report.Exploration(
        dial.kind, dial.unit, dial.relative, dial.whole, ambiguity.DOUBTFUL, tuple(trials), atlas
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
    poses: np.ndarray,
) -> PoseSweep:
    """`try_poses` for all of `observed: [n, *S, C]`, over the devices."""
    avae = task.avae
    chunk = bounded(task.search, avae).chunk
    function = functools.partial(sweep_poses, avae=avae, chunk=chunk)
    function = sharding.examples(function, whole=("params", "upright"))

    def one(x: Array, index: Array, observed: Array, poses: Array) -> PyTree:
        return function(params=trained.params, x=observed, poses=poses, upright=upright)

    return in_batches(one, task, len(observed), observed, poses)


def _trial(
    task: Task,
    dial: Dial,
    seen: SearchedExamples,
    example: int,
    values: np.ndarray,
    tried: PoseSweep,
) -> report.Trial:
    """One example at all stops of its dial and at its distinct optima."""
    avae, search = task.avae, task.search
    candidates, count = seen.candidates[example], len(values)
    kept = apart(candidates, seen.losses[example], degrees=search.distance or ambiguity.DEGREES)
    # The dial leads to the found pose, and to others where it sets the one parameter there is.
    there = values_of(dial, candidates[kept], avae.inner)
    known = (avae.group.size == 1) & (not dial.relative) | (kept == 0)
    rows = np.concatenate([np.arange(count), count + kept])
    return report.Trial(
        example=int(example),
        values=np.concatenate([values, np.where(known, there, np.nan)]),
        losses=tried.loss[rows],
        turned=tried.turned[rows],
        drawn=tried.drawn[rows],
        reconstruction=tried.reconstruction[rows],
        moved_by=tuple(sentence(pose, avae.group, avae.inner) for pose in candidates[kept]),
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


def _atlas(task: Task, seen: SearchedExamples, tried: PoseSweep) -> report.Atlas:
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
        moved_by=tuple(sentence(pose, avae.group, avae.inner) for pose in seen.pose),
    )


def principal(codes: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Codes `[m, Z]` along their two principal axes `[m, 2]`, and the shares of their variance."""
    centred = np.nan_to_num(codes - codes.mean(axis=0))
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    # The sign of an axis is arbitrary: its largest entry is made positive.
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1))
    wanted = np.zeros((2, centred.shape[1]))
    wanted[: len(axes[:2])] = axes[:2]
    shares = np.zeros(2)
    shares[: len(sizes[:2])] = (sizes[:2] ** 2) / max((sizes**2).sum(), 1e-12)
    return centred @ wanted.T, (float(shares[0]), float(shares[1]))
