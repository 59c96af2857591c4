"""The end of a run: evaluates the model and writes the report."""

import numpy as np

from avae_jax import alignment, config, report
from avae_jax.examine import Calls, Examination, examine
from avae_jax.experiment import Experiment
from avae_jax.summary import summarise
from avae_jax.sweep import sweep
from avae_jax.train import TrainState
from avae_jax.transform.describe import sentence
from avae_jax.workdir import WorkDir

# The file of the work directory that holds how long training has taken.
SECONDS = "seconds.json"


def conclude(experiment: Experiment, state: TrainState, workdir: WorkDir, calls: Calls) -> None:
    """Evaluates `state`, writes `report/` and prints the numbers that matter."""
    print("evaluating on held-out examples", flush=True)
    fitted, step = calls.fitted(state), int(state.step)
    measured = examine(experiment, fitted, calls)
    summary = summarise(experiment, measured, steps=step, seconds=workdir.read_json(SECONDS) or 0.0)
    line = sweep(experiment, fitted, calls)
    findings = report.Findings(
        title=f"{experiment.options.data.source}, {experiment.options.family}",
        config=config.to_dict(experiment.options),
        summary=summary,
        gallery=gallery(experiment, measured),
        curve=report.Curve(line.values, line.without_search, line.with_search, line.label),
        moments=tuple(moment(experiment, when, arrays) for when, arrays in workdir.load_moments()),
        metrics=tuple(workdir.read_metrics()),
        label_names=experiment.dataset.label_names,
    )
    report.write(workdir.report, findings)
    print_summary(summary)
    print(f"report: {workdir.report / 'index.html'}")


def gallery(experiment: Experiment, measured: Examination) -> report.Gallery:
    """A dozen examples as the report shows them; poses are those of the objects."""
    count = len(measured.observed)
    avae = experiment.avae
    objects = np.linalg.inv(measured.found[:count])
    return report.Gallery(
        observation=measured.observed,
        canonical_input=measured.canonical_input,
        canonical_reconstruction=measured.canonical,
        reconstruction=measured.reconstruction,
        labels=measured.labels[:count] if experiment.dataset.label_names else None,
        loss_before=measured.posed[:count],
        loss_after=measured.posed_search[:count],
        pose_text=tuple(sentence(pose, avae.group, avae.inner) for pose in objects),
    )


def moment(experiment: Experiment, step: int, arrays: dict[str, np.ndarray]) -> report.Moment:
    """Found poses at one moment of training: the angles that the report draws."""
    moved = arrays["found"] @ arrays["applied"]
    labels = arrays["label"]
    if experiment.avae.group.d == 2:
        angle = alignment.plane_angle(moved)
    else:
        angle = alignment.pose_errors(moved, alignment.label_means(moved, labels)).degrees
    return report.Moment(step, angle, labels, alignment.resultant_length(moved, labels))


def print_summary(summary: dict) -> None:
    """Prints losses and poses, a line each."""
    loss, pose = summary["loss"], summary["pose"]
    print(
        f"loss in nats: upright {loss['upright']:.2f}, posed {loss['posed']:.2f}, "
        f"with search {loss['posed_search']:.2f}, at the true pose {loss['posed_true']:.2f}"
    )
    if pose["median_deg"] is not None:
        print(
            f"poses: median error {pose['median_deg']:.1f} degrees, "
            f"{pose['within_20']:.0%} within 20, resultant length {pose['resultant_length']:.2f}"
        )
