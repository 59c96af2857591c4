"""The end of a run: evaluates the model and writes the report."""

import functools
from pathlib import Path

import jax
import numpy as np

from avae_jax import alignment, config, report
from avae_jax.errors import InputError
from avae_jax.evidence import measure_evidence
from avae_jax.examine import Calls, Examination, examine
from avae_jax.experiment import Experiment
from avae_jax.explore import explore
from avae_jax.objective import canonicalise
from avae_jax.observed import filled
from avae_jax.summary import summarise
from avae_jax.sweep import sweep
from avae_jax.train import TrainState
from avae_jax.transform.describe import sentence
from avae_jax.transform.warp import warp
from avae_jax.trial import thumb
from avae_jax.turning import upright_pose
from avae_jax.workdir import WorkDir

# The file of the work directory that holds how long training has taken.
SECONDS = "seconds.json"


def conclude(experiment: Experiment, state: TrainState, workdir: WorkDir, calls: Calls) -> None:
    """Evaluates `state`, writes `report/` and prints the numbers that matter.

    Of several processes all evaluate, and the one that leads writes.
    """
    print("evaluating on held-out examples", flush=True)
    fitted, step = calls.fitted(state), int(jax.device_get(state.step))
    measured = examine(experiment, fitted, calls)
    bounds = measure_evidence(experiment, fitted, calls)
    seconds = seconds_of(workdir)
    summary = summarise(experiment, measured, bounds, steps=step, seconds=seconds)
    line = sweep(experiment, fitted, calls)
    exploration = explore(experiment, fitted, calls)
    if not workdir.leads:
        return
    findings = report.Findings(
        title=f"{Path(experiment.options.data.source).name}, {experiment.options.family}",
        config=config.to_dict(experiment.options),
        summary=summary,
        gallery=gallery(experiment, measured),
        curve=report.Curve(line.values, line.without_search, line.with_search, line.label),
        moments=tuple(
            moment(experiment, measured, when, arrays) for when, arrays in workdir.load_moments()
        ),
        metrics=tuple(workdir.read_metrics()),
        label_names=experiment.dataset.label_names,
        exploration=exploration,
    )
    report.write(workdir.report, findings)
    print_summary(summary)
    print(f"report: {workdir.report / 'index.html'}")


def seconds_of(workdir: WorkDir) -> float:
    """How long training has taken; 0 where the note of it is absent or garbled."""
    noted = workdir.read_json(SECONDS)
    return noted if isinstance(noted, float) and noted >= 0 else 0.0


def gallery(experiment: Experiment, measured: Examination) -> report.Gallery:
    """A dozen examples as the report shows them; poses are those of the objects."""
    count = len(measured.observed)
    avae = experiment.avae
    objects = np.linalg.inv(measured.found[:count])
    show = functools.partial(upright, experiment, measured)
    return report.Gallery(
        observation=np.asarray(filled(measured.observed, avae.fill)),
        canonical_input=show(measured.canonical_input),
        canonical_reconstruction=show(measured.canonical),
        reconstruction=measured.reconstruction,
        labels=measured.labels[:count] if experiment.dataset.label_names else None,
        loss_before=measured.posed[:count],
        loss_after=measured.posed_search[:count],
        pose_text=tuple(sentence(pose, avae.group, avae.inner) for pose in objects),
    )


def upright(experiment: Experiment, measured: Examination, images: np.ndarray) -> np.ndarray:
    """Canonical volumes `[n, *S, C]` all turned by `upright_pose`; images as they are."""
    avae, back = experiment.avae, _back(experiment, measured)
    turn = functools.partial(warp, source=avae.inner, target=avae.inner)
    return np.asarray(jax.vmap(turn, (0, None, None))(images, back, avae.fill))


def _back(experiment: Experiment, measured: Examination) -> np.ndarray:
    one_pose = experiment.options.one_pose
    return upright_pose(experiment.avae.group, measured.found, measured.applied, one_pose=one_pose)


def moment(
    experiment: Experiment, measured: Examination, step: int, arrays: dict[str, np.ndarray]
) -> report.Moment:
    """Found poses at one moment of training: the angles that the report draws, and a few inputs.

    The examples are the first of those that were `measured`.
    """
    try:
        found, labels = arrays["found"], arrays["label"]
        moved = found @ arrays["applied"]
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"moment {step}: no poses and labels that belong together") from error
    if experiment.avae.group.d == 2:
        angle = alignment.plane_angle(moved)
    else:
        angle = alignment.pose_errors(moved, alignment.label_means(moved, labels)).degrees
    inputs = _carried(experiment, measured, found[: len(measured.observed)].astype(np.float32))
    if not experiment.options.one_pose:
        # Nothing that found poses should agree with.
        return report.Moment(step, angle[:0], labels[:0], np.nan, inputs)
    return report.Moment(step, angle, labels, alignment.resultant_length(moved, labels), inputs)


def _carried(experiment: Experiment, measured: Examination, found: np.ndarray) -> np.ndarray:
    """The first observations `[k, *s, C]` carried by poses `[k, d + 1, d + 1]`, for the eye."""
    avae, back = experiment.avae, _back(experiment, measured)

    def one(x: jax.Array, pose: jax.Array) -> jax.Array:
        return thumb(canonicalise(x, pose, avae=avae))

    return np.asarray(jax.jit(jax.vmap(one))(measured.observed[: len(found)], back @ found))


def print_summary(summary: dict) -> None:
    """Prints losses and poses, a line each."""
    loss, pose = summary["loss"], summary["pose"]
    true = loss["posed_true"]
    print(
        f"loss in nats: {'as they come' if true is None else 'upright'} {loss['upright']:.2f}, "
        f"posed {loss['posed']:.2f}, with search {loss['posed_search']:.2f}"
        + ("" if true is None else f", at the true pose {true:.2f}")
    )
    if loss["marginal"] is not None:
        marginal = summary["marginal"]
        print(
            f"marginal: -log p(x) at most {loss['marginal']:.2f} nats, pose and code integrated "
            f"out ({marginal['samples']} draws, {marginal['effective']:.0f} effective)"
        )
    if pose["median_deg"] is not None:
        print(
            f"poses: median error {pose['median_deg']:.1f} degrees, "
            f"{pose['within_20']:.0%} within 20, resultant length {pose['resultant_length']:.2f}"
        )
