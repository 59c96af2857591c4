"""All that an evaluation measures, and the same as a report shows it."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from avae_jax import report
from avae_jax.config import files
from avae_jax.core.errors import InputError
from avae_jax.evaluation import pose_metrics
from avae_jax.evaluation.dial import upright_pose
from avae_jax.evaluation.explorer import explore
from avae_jax.evaluation.held_out import Calls, Examination, examine
from avae_jax.evaluation.likelihood_bound import measure_evidence
from avae_jax.evaluation.pose_curve import PoseCurve, loss_against_pose
from avae_jax.evaluation.summary import summarise
from avae_jax.evaluation.task import Task
from avae_jax.evaluation.trial_poses import thumb
from avae_jax.inference.trained import Trained
from avae_jax.models.objective import canonicalise
from avae_jax.report.summary import Training
from avae_jax.transform.describe import sentence
from avae_jax.transform.warp import warp


class Results(NamedTuple):
    """What an evaluation measured."""

    task: Task
    examination: Examination
    summary: report.Summary
    curve: PoseCurve
    exploration: report.Exploration | None


def measure(task: Task, trained: Trained, calls: Calls, training: Training) -> Results:
    """Measures a model on the test examples of a task.

    Args:
      training: what the summary says of it.
    """
    examination = examine(task, trained, calls)
    bounds = measure_evidence(task, trained, calls, examination.result)
    return Results(
        task,
        examination,
        summarise(task, examination, bounds, training),
        loss_against_pose(task, trained, calls),
        explore(task, trained, calls),
    )


def findings(
    results: Results,
    *,
    snapshots: Iterable[tuple[int, dict[str, np.ndarray]]] = (),
    metrics: Iterable[dict[str, Any]] = (),
) -> report.Findings:
    """What the report of an evaluation shows.

    Args:
      snapshots: (step, arrays) recorded while training.
      metrics: lines of metrics.jsonl.
    """
    task, examination, summary, curve, exploration = results
    return report.Findings(
        title=f"{Path(task.options.data.source).name}, {task.options.family}",
        config=files.to_dict(task.options),
        summary=summary,
        gallery=gallery(task, examination),
        curve=report.Curve(curve.values, curve.without_search, curve.with_search, curve.label),
        moments=tuple(moment(task, examination, *snapshot) for snapshot in snapshots),
        metrics=tuple(metrics),
        label_names=task.dataset.label_names,
        exploration=exploration,
    )


def gallery(task: Task, measured: Examination) -> report.Gallery:
    """A dozen examples as the report shows them; poses are those of the objects."""
    count = len(measured.observed)
    avae = task.avae
    objects = np.linalg.inv(measured.found[:count])
    show = functools.partial(upright, task, measured)
    return report.Gallery(
        observation=measured.observed,
        canonical_input=show(measured.canonical_input),
        canonical_reconstruction=show(measured.canonical),
        reconstruction=measured.reconstruction,
        labels=measured.labels[:count] if task.dataset.label_names else None,
        loss_before=measured.posed[:count],
        loss_after=measured.posed_search[:count],
        pose_text=tuple(sentence(pose, avae.group, avae.inner) for pose in objects),
    )


def upright(task: Task, measured: Examination, images: np.ndarray) -> np.ndarray:
    """Canonical volumes `[n, *S, C]` all turned by `upright_pose`; images as they are."""
    avae, back = task.avae, _back(task, measured)
    turn = functools.partial(warp, source=avae.inner, target=avae.inner)
    return np.asarray(jax.vmap(turn, (0, None, None))(images, back, avae.fill))


def _back(task: Task, measured: Examination) -> np.ndarray:
    one_pose = task.options.one_pose
    return upright_pose(task.avae.group, measured.found, measured.applied, one_pose=one_pose)


def moment(
    task: Task, measured: Examination, step: int, arrays: dict[str, np.ndarray]
) -> report.Moment:
    """Found poses at one moment of training: the angles that the report draws, and a few inputs.

    The examples are the first of those that were `measured`.
    """
    try:
        found, labels = arrays["found"], arrays["label"]
        moved = found @ arrays["applied"]
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"moment {step}: no poses and labels that belong together") from error
    if task.avae.group.d == 2:
        angle = pose_metrics.plane_angle(moved)
    else:
        angle = pose_metrics.pose_errors(moved, pose_metrics.label_means(moved, labels)).degrees
    inputs = _carried(task, measured, found[: len(measured.observed)].astype(np.float32))
    if not task.options.one_pose:
        # Nothing that found poses should agree with.
        return report.Moment(step, angle[:0], labels[:0], np.nan, inputs)
    return report.Moment(step, angle, labels, pose_metrics.resultant_length(moved, labels), inputs)


def _carried(task: Task, measured: Examination, found: np.ndarray) -> np.ndarray:
    """The first observations `[k, *s, C]` carried by poses `[k, d + 1, d + 1]`, for the eye."""
    avae, back = task.avae, _back(task, measured)

    def one(x: jax.Array, pose: jax.Array) -> jax.Array:
        return thumb(canonicalise(x, pose, avae=avae))

    return np.asarray(jax.jit(jax.vmap(one))(measured.observed[: len(found)], back @ found))
