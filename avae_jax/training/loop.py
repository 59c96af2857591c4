"""The host loop: trains, evaluates, reports."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from avae_jax import data
from avae_jax.config.options import Options
from avae_jax.core import sharding, signals
from avae_jax.core.errors import Preempted
from avae_jax.core.progress import progress_bar
from avae_jax.core.types import Array
from avae_jax.evaluation.held_out import CompiledEvaluation, compile_evaluation
from avae_jax.inference.head_fitting import fit_head
from avae_jax.inference.trained import Trained
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.experiment import Experiment, prepare, trained_by
from avae_jax.training.finish import evaluate_and_report
from avae_jax.training.recorder import Recorder
from avae_jax.training.restore import FRAME, checkpoints, frame_of, restore, saved_state
from avae_jax.training.state import TrainState
from avae_jax.training.step import train_step
from avae_jax.training.workdir import WorkDir


def train(options: Options, folder: Path) -> None:
    """Trains (or continues from the last checkpoint), evaluates and reports.

    Raises:
      InputError: the data, the config or the work directory cannot be used.
      NumericalError: a metric is not finite.
      Preempted: SIGTERM came; the state is saved.
      KeyboardInterrupt: SIGINT came, likewise.
    """
    sharers = sharding.sharers(options.train.batch_size)
    experiment = prepare(options)
    with WorkDir(folder, leads=sharding.leads()) as workdir, signals.awaited() as stops:
        workdir.claim(options)
        sharding.meet()
        workdir.require_shared()
        workdir.write_json(FRAME, frame_of(experiment))
        print_setup(experiment)
        if sharers > 1:
            print(f"{sharers} devices share the search of every example of a batch.")
        calls, trained = compile_evaluation(experiment.task), trained_by(experiment)
        state = run_training(experiment, workdir, calls, stops, trained)
        if options.eval.checkpoint == "best":
            state = saved_state(sharding.replicated(experiment.state), options, workdir)
        calls = stopping_when_preempted(calls, stops, options.train.steps)
        evaluate_and_report(experiment, state, workdir, calls, trained(state))


def evaluate(options: Options, folder: Path) -> None:
    """Evaluates the last checkpoint of a work directory and reports.

    Raises:
      InputError: nothing was trained there, or it belongs to another config.
      Preempted: SIGTERM came.
      KeyboardInterrupt: SIGINT came.
    """
    with WorkDir(folder, leads=sharding.leads()) as workdir, signals.awaited() as stops:
        workdir.compare(options)
        experiment = prepare(options)
        state = saved_state(sharding.replicated(experiment.state), options, workdir)
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
) -> TrainState:
    """Runs the remaining updates; returns the last state."""
    with checkpoints(experiment.options, workdir) as saved:
        state = initial_state(experiment, saved)
        start = int(jax.device_get(state.step))
        workdir.truncate_after(start or -1)
        recorder = Recorder(experiment, workdir, saved, calls, trained)
        if not start:
            recorder.record(state, 0)
        state = run_updates(experiment, state, start, recorder, stops)
        saved.wait()
    return state


def initial_state(experiment: Experiment, saved: Checkpoints) -> TrainState:
    """The newest saved state, or the state before the first update; replicated."""
    sharers = sharding.sharers(experiment.options.train.batch_size)
    begun = sharding.replicated(experiment.state, sharers=sharers)
    state = restore(begun, saved)
    return begun if state is None else state


def run_updates(
    experiment: Experiment,
    state: TrainState,
    start: int,
    recorder: Recorder,
    stops: Callable[[int], bool],
) -> TrainState:
    """`state` after the updates from number `start`; `state` is donated.

    Args:
      stops: maps the number of updates to whether to save and end.
    """
    total, step_of = experiment.options.train.steps, compiled_step(experiment)
    with progress_bar(total=total, initial=start, unit="step") as bar:
        bar.set_postfix_str("compiling the first update")
        for step in range(start, total):
            rows = batch(experiment, step)
            # All inputs of an update are on its devices: implicit transfers are errors.
            with jax.transfer_guard("disallow"):
                state, metrics = step_of(state, *rows)
            state = with_fitted_head(experiment, state, step + 1)
            recorder.after(step + 1, state, metrics)
            said = "" if recorder.loss is None else f"loss {recorder.loss:.1f}"
            bar.set_postfix_str(said, refresh=False)
            bar.update()
            if stops(step + 1):
                recorder.stop(step + 1, state)
    return state


def with_fitted_head(experiment: Experiment, state: TrainState, step: int) -> TrainState:
    """`state` after the last step with a fitted pose head, if training did not train one."""
    options, search = experiment.options, experiment.search
    if state.head is None or options.train.search or step < options.train.steps:
        return state
    with progress_bar(desc="pose head", unit="part") as bar:
        head = fit_head(
            sharding.local(state.params),
            sharding.local(state.met),
            experiment.dataset.train,
            avae=experiment.avae,
            options=search,
            visits=search.visits,
            seed=options.seed,
            progress=lambda what, done, total: bar.update(),
        )
    return state.replace(head=sharding.replicated(head))


def compiled_step(experiment: Experiment) -> Callable:
    """`(state, x, index) -> (state, metrics)`; the state is donated, examples are split."""
    options = experiment.options
    step = functools.partial(
        train_step,
        avae=experiment.avae,
        tx=experiment.tx,
        search=experiment.training_search,
        pose_data=options.data.pose == "random",
    )
    sharers = sharding.sharers(options.train.batch_size)
    return sharding.step(step, searches=options.train.search, sharers=sharers)


def batch(experiment: Experiment, step: int) -> tuple[Array, Array]:
    """The examples of one update and their indices; a function of the step alone.

    Each host reads the examples of its own devices.
    """
    options, examples = experiment.options, experiment.dataset.train
    index = data.batch_indices(
        step, batch_size=options.train.batch_size, examples=len(examples), seed=options.seed
    )
    split = functools.partial(sharding.split, sharers=sharding.sharers(len(index)))
    return split(examples, index), split(index.astype(np.int32))
