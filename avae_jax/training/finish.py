"""The end of a run: evaluates the model and writes the report."""

import shlex

import jax

from avae_jax import report
from avae_jax.evaluation.held_out import CompiledEvaluation
from avae_jax.evaluation.results import findings, measure
from avae_jax.evaluation.summary import print_summary
from avae_jax.inference.trained import Trained
from avae_jax.report.summary import Training
from avae_jax.training.experiment import Experiment
from avae_jax.training.state import TrainState
from avae_jax.training.workdir import WorkDir, seconds_of


def evaluate_and_report(
    experiment: Experiment,
    state: TrainState,
    workdir: WorkDir,
    calls: CompiledEvaluation,
    trained: Trained,
) -> None:
    """Evaluates `state`, writes `report/` and prints the main numbers.

    All processes evaluate, and process 0 writes.
    """
    print("evaluating on held-out examples", flush=True)
    step, searched = int(jax.device_get(state.step)), experiment.options.train.search
    training = Training(steps=step, seconds=seconds_of(workdir), search=searched)
    results = measure(experiment.task, trained, calls, training)
    if not workdir.leads:
        return
    folder = shlex.quote(str(workdir.folder))
    shown = findings(
        results,
        snapshots=workdir.load_snapshots(),
        metrics=workdir.read_metrics(),
        command=f"python -m avae_jax.main --mode evaluate --workdir {folder}",
    )
    report.write(workdir.report, shown)
    print_summary(results.summary)
    print(f"report: {workdir.report / 'index.html'}")
