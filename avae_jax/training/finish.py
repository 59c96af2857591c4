"""The end of a run: evaluates the model and writes the report."""

from pathlib import Path

import jax

from avae_jax import report
from avae_jax.config import files
from avae_jax.evaluation.explorer import explore
from avae_jax.evaluation.held_out import Calls, examine
from avae_jax.evaluation.likelihood_bound import measure_evidence
from avae_jax.evaluation.pose_curve import sweep
from avae_jax.evaluation.results import gallery, moment
from avae_jax.evaluation.summary import print_summary, summarise
from avae_jax.training.experiment import Experiment
from avae_jax.training.state import TrainState
from avae_jax.training.workdir import WorkDir, seconds_of


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
        config=files.to_dict(experiment.options),
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
