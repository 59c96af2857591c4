"""Measurements of an evaluation, and their form in the report."""

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
from avae_jax.evaluation.dial import display_rotation
from avae_jax.evaluation.explorer import explorer_data
from avae_jax.evaluation.held_out import CompiledEvaluation, HeldOutResult, measure_held_out
from avae_jax.evaluation.likelihood_bound import bound_marginal_likelihood
from avae_jax.evaluation.pose_curve import PoseCurve, loss_against_pose
from avae_jax.evaluation.summary import summarise
from avae_jax.evaluation.task import Task
from avae_jax.evaluation.trial_poses import thumbnail
from avae_jax.inference.trained import Trained
from avae_jax.models.objective import canonicalise
from avae_jax.models.observed import filled
from avae_jax.report.summary import Training
from avae_jax.transform.describe import sentence
from avae_jax.transform.warp import warp


class Results(NamedTuple):
    """Measurements of an evaluation."""

    task: Task
    held_out: HeldOutResult
    summary: report.Summary
    curve: PoseCurve
    exploration: report.Exploration | None


def measure(task: Task, trained: Trained, calls: CompiledEvaluation, training: Training) -> Results:
    """Measures a model on the test examples of a task.

    Args:
      training: entries of the summary about training.
    """
    held_out = measure_held_out(task, trained, calls)
    bounds = bound_marginal_likelihood(task, trained, calls, held_out.result)
    return Results(
        task,
        held_out,
        summarise(task, held_out, bounds, training),
        loss_against_pose(task, trained, calls),
        explorer_data(task, trained, calls, held_out),
    )


def findings(
    results: Results,
    *,
    snapshots: Iterable[tuple[int, dict[str, np.ndarray]]] = (),
    metrics: Iterable[dict[str, Any]] = (),
) -> report.Findings:
    """The contents of the report of an evaluation.

    Args:
      snapshots: (step, arrays) recorded during training.
      metrics: lines of metrics.jsonl.
    """
    task, held_out, summary, curve, exploration = results
    return report.Findings(
        title=f"{Path(task.options.data.source).name}, {task.options.family}",
        config=files.to_dict(task.options),
        summary=summary,
        gallery=gallery(task, held_out),
        curve=report.Curve(curve.values, curve.without_search, curve.with_search, curve.label),
        moments=tuple(snapshot(task, held_out, *recorded) for recorded in snapshots),
        metrics=tuple(metrics),
        label_names=task.dataset.label_names,
        exploration=exploration,
    )


def gallery(task: Task, measured: HeldOutResult) -> report.Gallery:
    """A dozen examples for the report; poses are the poses of the objects."""
    count = len(measured.observed)
    avae = task.avae
    objects = np.linalg.inv(measured.found[:count])
    show = functools.partial(turned_for_display, task, measured)
    return report.Gallery(
        observation=np.asarray(filled(measured.observed, avae.fill)),
        canonical_input=show(measured.canonical_input),
        canonical_reconstruction=show(measured.canonical),
        reconstruction=measured.reconstruction,
        labels=measured.labels[:count] if task.dataset.label_names else None,
        loss_before=measured.posed[:count],
        loss_after=measured.posed_search[:count],
        pose_text=tuple(sentence(pose, avae.group, avae.inner) for pose in objects),
    )


def turned_for_display(task: Task, measured: HeldOutResult, images: np.ndarray) -> np.ndarray:
    """Canonical volumes `[n, *S, C]` rotated by `display_rotation`; images unchanged."""
    avae, back = task.avae, _display_rotation(task, measured)
    turn = functools.partial(warp, source=avae.inner, target=avae.inner)
    return np.asarray(jax.vmap(turn, (0, None, None))(images, back, avae.fill))


def _display_rotation(task: Task, measured: HeldOutResult) -> np.ndarray:
    one_pose = task.options.one_pose
    return display_rotation(task.avae.group, measured.found, measured.applied, one_pose=one_pose)


def snapshot(
    task: Task, measured: HeldOutResult, step: int, arrays: dict[str, np.ndarray]
) -> report.Snapshot:
    """Found poses of a snapshot of training: the angles for the report, and a few inputs.

    The examples are the first `measured` ones.
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
        # There is no target for the found poses.
        return report.Snapshot(step, angle[:0], labels[:0], np.nan, inputs)
    return report.Snapshot(
        step, angle, labels, pose_metrics.resultant_length(moved, labels), inputs
    )


def _carried(task: Task, measured: HeldOutResult, found: np.ndarray) -> np.ndarray:
    """The first observations `[k, *s, C]` moved by poses `[k, d + 1, d + 1]`, for display."""
    avae, back = task.avae, _display_rotation(task, measured)

    def one(x: jax.Array, pose: jax.Array) -> jax.Array:
        return thumbnail(canonicalise(x, pose, avae=avae))

    return np.asarray(jax.jit(jax.vmap(one))(measured.observed[: len(found)], back @ found))
