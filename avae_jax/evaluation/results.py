"""Measurements of an evaluation, and their form in the report."""

import datetime
import functools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import avae_jax
from avae_jax import report
from avae_jax.config import files
from avae_jax.core.errors import InputError
from avae_jax.evaluation import pose_metrics
from avae_jax.evaluation.agreement import agreement
from avae_jax.evaluation.dial import display_rotation
from avae_jax.evaluation.explorer import explorer_data
from avae_jax.evaluation.held_out import CompiledEvaluation, HeldOutResult, measure_held_out
from avae_jax.evaluation.likelihood_bound import bound_marginal_likelihood
from avae_jax.evaluation.pose_curve import PoseCurve, loss_against_pose
from avae_jax.evaluation.reliability import reliability
from avae_jax.evaluation.summary import summarise
from avae_jax.evaluation.task import Task
from avae_jax.evaluation.trial_poses import thumbnail
from avae_jax.inference.trained import Trained
from avae_jax.models.objective import canonicalise
from avae_jax.models.observed import filled
from avae_jax.report.summary import Training
from avae_jax.transform.describe import sentences
from avae_jax.transform.warp import warp


class Results(NamedTuple):
    """Measurements of an evaluation."""

    task: Task
    held_out: HeldOutResult
    summary: report.Summary
    curve: PoseCurve
    exploration: report.Exploration | None
    agreement: report.Agreement | None
    reliability: report.Reliability | None


def measure(task: Task, trained: Trained, calls: CompiledEvaluation, training: Training) -> Results:
    """Measures a model on the test examples of a task.

    Args:
      training: entries of the summary about training.
    """
    held_out = measure_held_out(task, trained, calls)
    agreed = agreement(task, held_out)
    integrated = bound_marginal_likelihood(task, trained, calls, held_out.result)
    bounds, posterior = integrated or (None, None)
    reliable = None if posterior is None else reliability(task, held_out, posterior)
    return Results(
        task,
        held_out,
        summarise(task, held_out, bounds, agreed, reliable, training),
        loss_against_pose(task, trained, calls),
        explorer_data(task, trained, calls, held_out),
        agreed,
        reliable,
    )


def findings(
    results: Results,
    *,
    snapshots: Iterable[tuple[int, dict[str, np.ndarray]]] = (),
    metrics: Iterable[dict[str, Any]] = (),
    command: str = "",
) -> report.Findings:
    """The contents of the report of an evaluation.

    Args:
      snapshots: (step, arrays) recorded during training.
      metrics: lines of metrics.jsonl.
      command: that writes the report again, if there is one.
    """
    task, held_out, summary, curve, exploration, agreed, reliable = results
    carry = carrier(task, held_out)
    return report.Findings(
        title=f"{Path(task.options.data.source).name}, {task.options.family}",
        config=files.to_dict(task.options),
        summary=summary,
        gallery=gallery(task, held_out, exploration),
        curve=report.Curve(curve.values, curve.without_search, curve.with_search, curve.label),
        moments=tuple(snapshot(task, carry, *recorded) for recorded in snapshots),
        metrics=tuple(metrics),
        label_names=task.dataset.label_names,
        exploration=exploration,
        agreement=agreed,
        reliability=reliable,
        run=_run(task, command),
        held_out=_columns(held_out, agreed),
    )


def _columns(measured: HeldOutResult, agreed: report.Agreement | None) -> dict[str, np.ndarray]:
    """Numbers of each held-out example, which `compare` resamples."""
    columns = {
        "index": np.arange(len(measured.found)),
        "label": measured.labels,
        "loss_posed_nats": measured.posed,
        "loss_posed_search_nats": measured.posed_search,
    }
    if agreed is None:
        return columns
    parts = pose_metrics.resultant_parts(measured.found @ measured.applied, measured.labels)
    return columns | {"error_deg": agreed.degrees, "resultant": parts}


def _run(task: Task, command: str) -> report.Run:
    device = jax.devices()[0]
    known = device.device_kind if device.platform != "cpu" else f"{os.cpu_count()} CPU cores"
    device_text = f"{jax.device_count()} x {known}" if jax.device_count() > 1 else known
    date = datetime.date.today().isoformat()
    return report.Run(date, avae_jax.__version__, device_text, task.options.seed, command)


def gallery(
    task: Task, measured: HeldOutResult, exploration: report.Exploration | None = None
) -> report.Gallery:
    """A dozen examples as the report shows them; poses are those that align them.

    Args:
      exploration: losses are taken from it, so that the page says one loss of an example.
    """
    count = len(measured.observed)
    avae = task.avae
    before, after = measured.posed, measured.posed_search
    if exploration is not None:
        before, after = exploration.atlas.loss_before, exploration.atlas.loss_after
    words = (
        sentences(measured.found[:count], avae.group, avae.inner)
        if exploration is None
        else exploration.atlas.moved_by[:count]
    )
    show = functools.partial(turned_for_display, task, measured)
    return report.Gallery(
        observation=np.asarray(filled(measured.observed, avae.fill)),
        canonical_input=show(measured.canonical_input),
        canonical_reconstruction=show(measured.canonical),
        reconstruction=measured.reconstruction,
        labels=measured.labels[:count] if task.dataset.label_names else None,
        loss_before=before[:count],
        loss_after=after[:count],
        pose_text=words,
    )


def turned_for_display(task: Task, measured: HeldOutResult, images: np.ndarray) -> np.ndarray:
    """Canonical volumes `[n, *S, C]` rotated by `display_rotation`; images unchanged."""
    avae = task.avae
    if avae.group.d == 2:
        return images
    back = _display_rotation(task, measured)
    turn = functools.partial(warp, source=avae.inner, target=avae.inner)
    return np.asarray(jax.jit(jax.vmap(turn, (0, None, None)))(images, back, avae.fill))


def _display_rotation(task: Task, measured: HeldOutResult) -> np.ndarray:
    one_pose = task.options.one_pose
    return display_rotation(task.avae.group, measured.found, measured.applied, one_pose=one_pose)


def snapshot(
    task: Task, carry: Callable, step: int, arrays: dict[str, np.ndarray]
) -> report.Snapshot:
    """Found poses of a snapshot of training: the angles for the report, and a few inputs.

    Args:
      carry: moves the inputs by the found poses, see `carrier`.
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
    # Earlier versions recorded no losses.
    shown = carry(found), float(np.mean(arrays.get("loss", np.nan)))
    if not task.options.one_pose:
        # There is no target for the found poses.
        return report.Snapshot(step, angle[:0], labels[:0], np.nan, *shown)
    return report.Snapshot(
        step, angle, labels, pose_metrics.resultant_length(moved, labels), *shown
    )


def carrier(task: Task, measured: HeldOutResult) -> Callable[[np.ndarray], np.ndarray]:
    """A function that moves the first observations by poses, for display.

    It takes poses `[n, d + 1, d + 1]` of the examples and returns pictures `[k, *s, C]`; it is
    compiled once for all snapshots.
    """
    avae, back = task.avae, _display_rotation(task, measured)

    def one(x: jax.Array, pose: jax.Array) -> jax.Array:
        return thumbnail(canonicalise(x, pose, avae=avae))

    compiled = jax.jit(jax.vmap(one))

    def carry(poses: np.ndarray) -> np.ndarray:
        shown = poses[: len(measured.observed)].astype(np.float32)
        return np.asarray(compiled(measured.observed[: len(shown)], back @ shown))

    return carry
