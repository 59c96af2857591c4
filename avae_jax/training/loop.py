"""The host loop: trains, evaluates, reports."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from avae_jax.config.modes import require_writers
from avae_jax.config.options import Options
from avae_jax.core import sharding, signals
from avae_jax.core.errors import Preempted
from avae_jax.data.sources.base import Source
from avae_jax.evaluation.held_out import CompiledEvaluation, compile_evaluation
from avae_jax.inference.trained import Trained
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.experiment import Experiment, prepare, trained_by
from avae_jax.training.finish import evaluate_and_report
from avae_jax.training.recorder import Recorder
from avae_jax.training.restore import FRAME, checkpoints, frame_of, restore, saved_state
from avae_jax.training.state import TrainState
from avae_jax.training.updates import first_state, run_updates
from avae_jax.training.watch import Callback, Watch
from avae_jax.training.workdir import WorkDir
from avae_jax.training.writers import writers_of


def train(
    options: Options,
    folder: Path,
    *,
    source: Source | None = None,
    callback: Callback | None = None,
) -> Trained:
    """Trains (or goes on from the last checkpoint), evaluates and reports.

    Args:
      source: of arrays in memory, in place of the one that `options` name.
      callback: sees metrics, and may end the training (see `Watch`).

    Raises:
      InputError: the data, the config or the work directory cannot be used.
      NumericalError: a metric is not finite.
      Preempted: SIGTERM came; the state is saved.
      KeyboardInterrupt: SIGINT came, likewise.
    """
    require_writers(options)
    sharers = sharding.sharers(options.train.batch_size)
    experiment = prepare(options, source)
    with WorkDir(folder, leads=sharding.leads()) as workdir, signals.awaited() as stops:
        workdir.claim(options)
        sharding.meet()
        workdir.require_shared()
        workdir.write_json(FRAME, frame_of(experiment))
        print_setup(experiment)
        if sharers > 1:
            print(f"{sharers} devices share the search of every example of a batch.")
        calls, trained = compile_evaluation(experiment.task), trained_by(experiment)
        state = run_training(experiment, workdir, calls, stops, trained, callback)
        if options.eval.checkpoint == "best":
            state = saved_state(sharding.replicated(experiment.state), options, workdir)
        calls = stopping_when_preempted(calls, stops, options.train.steps)
        model = trained(state)
        evaluate_and_report(experiment, state, workdir, calls, model)
        return model


def train_in_memory(experiment: Experiment, callback: Callback | None = None) -> Trained:
    """Trains without a work directory: nothing is written, and nothing evaluated.

    Raises:
      NumericalError: a metric is not finite.
    """
    print_setup(experiment)
    options = experiment.options
    watch = Watch(steps=options.train.steps, every=options.log.every, callback=callback)
    state = run_updates(experiment, first_state(experiment), 0, watch)
    return trained_by(experiment)(state)


def evaluate(options: Options, folder: Path) -> None:
    """Evaluates the last checkpoint of a work directory and reports.

    Raises:
      InputError: nothing was trained there, or it belongs to another config.
      Preempted: SIGTERM came.
      KeyboardInterrupt: SIGINT came.
    """
    with WorkDir(folder, leads=sharding.leads()) as workdir, signals.awaited() as stops:
        workdir.compare(options)
        experiment = prepare(options, abstract=True)
        begun = sharding.replicated_shapes(experiment.state)
        state = saved_state(begun, options, workdir)
        workdir.claim(options)
        print_setup(experiment)
        calls = stopping_when_preempted(compile_evaluation(experiment.task), stops, 0)
        evaluate_and_report(experiment, state, workdir, calls, trained_by(experiment)(state))


def stopping_when_preempted(
    calls: CompiledEvaluation, stops: Callable[[int], bool], done: int
) -> CompiledEvaluation:
    """`calls` that first check whether the run should end; all processes make the same calls.

    Args:
      stops: see `signals.awaited`.
      done: number of updates for which `stops` was called.
    """
    numbers = itertools.count(done + 1)

    def heeded(call: Callable, *args: Any, **keywords: Any) -> Any:
        if stops(next(numbers)):
            raise Preempted("the trained model is saved; the same command evaluates it")
        return call(*args, **keywords)

    return CompiledEvaluation(*(functools.partial(heeded, call) for call in calls))


def print_setup(experiment: Experiment) -> None:
    """Prints the loaded data, the model and the search."""
    for note in experiment.dataset.notes:
        print(note)
    search, options = experiment.search, experiment.options
    weights = sum(leaf.size for leaf in jax.tree.leaves(experiment.state.params))
    print(
        f"{options.model.name} VAE of {weights:,} weights, family {options.family}, search "
        f"{search.preset}: {search.starts} starts, {search.keep} kept, {search.steps} steps; "
        f"on {jax.device_count()} {jax.devices()[0].device_kind} device(s)"
        f"{f' of {jax.process_count()} processes' * (jax.process_count() > 1)}.",
        flush=True,
    )


def run_training(
    experiment: Experiment,
    workdir: WorkDir,
    calls: CompiledEvaluation,
    stops: Callable[[int], bool],
    trained: Callable[[TrainState], Trained],
    callback: Callback | None = None,
) -> TrainState:
    """Runs the remaining updates; returns the last state."""
    with checkpoints(experiment.options, workdir) as saved:
        state = initial_state(experiment, saved)
        start = int(jax.device_get(state.step))
        workdir.truncate_after(start or -1)
        with writers_of(experiment.options, workdir, start) as writers:
            recorder = Recorder(experiment, workdir, saved, calls, trained, callback, writers)
            if not start:
                recorder.record(state, 0)
            state = run_updates(experiment, state, start, recorder, stops)
        saved.wait()
    return state


def initial_state(experiment: Experiment, saved: Checkpoints) -> TrainState:
    """The newest saved state, or that before the first update; whole on every device."""
    begun = first_state(experiment)
    state = restore(begun, saved)
    return begun if state is None else state
