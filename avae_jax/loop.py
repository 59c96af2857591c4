"""The host loop: trains, checkpoints, records, evaluates, reports."""

import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from avae_jax import data
from avae_jax.checkpoint import Checkpoints
from avae_jax.compiling import jit
from avae_jax.conclude import SECONDS, conclude
from avae_jax.errors import NumericalError
from avae_jax.examine import Calls, compiled, found_poses, labels_of
from avae_jax.experiment import Experiment, prepare
from avae_jax.fitting import fit_head
from avae_jax.options import Options
from avae_jax.restore import FRAME, checkpoints, frame_of, last_state, packed, restore
from avae_jax.train import TrainState, train_step
from avae_jax.types import Array
from avae_jax.workdir import WorkDir


def train(options: Options, folder: Path) -> None:
    """Trains (or goes on from the last checkpoint), evaluates and reports.

    Raises:
      InputError: the data, the config or the work directory cannot be used.
      NumericalError: a metric is not finite.
    """
    experiment = prepare(options)
    with WorkDir(folder) as workdir:
        workdir.claim(options)
        workdir.write_json(FRAME, frame_of(experiment))
        say(experiment)
        calls = compiled(experiment)
        state = fit(experiment, workdir, calls)
        conclude(experiment, state, workdir, calls)


def evaluate(options: Options, folder: Path) -> None:
    """Evaluates the last checkpoint of a work directory and reports.

    Raises:
      InputError: nothing was trained there, or it belongs to another config.
    """
    with WorkDir(folder) as workdir:
        workdir.compare(options)
        experiment = prepare(options)
        state = last_state(experiment.state, options, workdir)
        workdir.claim(options)
        say(experiment)
        conclude(experiment, state, workdir, compiled(experiment))


def say(experiment: Experiment) -> None:
    """Prints what was loaded and what is about to happen."""
    for note in experiment.dataset.notes:
        print(note)
    search, options = experiment.search, experiment.options
    weights = sum(leaf.size for leaf in jax.tree.leaves(experiment.state.params))
    print(
        f"{options.model.name} VAE of {weights:,} weights, family {options.family}, search "
        f"{search.preset}: {search.starts} starts, {search.keep} kept, {search.steps} steps; "
        f"on {jax.device_count()} {jax.devices()[0].device_kind} device(s).",
        flush=True,
    )


def fit(experiment: Experiment, workdir: WorkDir, calls: Calls) -> TrainState:
    """Runs the updates that are left; returns the last state."""
    total = experiment.options.train.steps
    step_of = compiled_step(experiment)
    with checkpoints(experiment.options, workdir) as saved:
        state = restore(experiment.state, saved)
        state = jax.tree.map(jnp.copy, experiment.state) if state is None else state
        start = int(state.step)
        workdir.truncate_after(start or -1)
        keeper = Keeper(experiment, workdir, saved, calls)
        if not start:
            keeper.record(state, 0)
        with progress_bar(total=total, initial=start, unit="step") as bar:
            for step in range(start, total):
                state, metrics = step_of(state, *batch(experiment, step))
                state = with_head(experiment, state, step + 1)
                keeper.after(step + 1, state, metrics)
                bar.set_postfix_str(f"loss {keeper.loss:.1f}", refresh=False)
                bar.update()
        saved.wait()
    return state


def progress_bar(**options: Any) -> tqdm:
    """A bar that moves on a terminal; into a file it leaves a line every now and then."""
    return tqdm(mininterval=0.2 if sys.stderr.isatty() else 15.0, **options)


def with_head(experiment: Experiment, state: TrainState, step: int) -> TrainState:
    """`state` after the last step with a pose head, if no search in training has taught one."""
    options, search = experiment.options, experiment.search
    if state.head is None or options.train.search or step < options.train.steps:
        return state
    with progress_bar(desc="pose head", unit="part") as bar:
        head = fit_head(
            state.params,
            state.met,
            experiment.dataset.train,
            avae=experiment.avae,
            options=search,
            visits=search.visits,
            seed=options.seed,
            progress=lambda what, done, total: bar.update(),
        )
    return state.replace(head=head)


def compiled_step(experiment: Experiment) -> Callable:
    """`(state, x, index) -> (state, metrics)`; the state is donated."""
    options = experiment.options
    step = functools.partial(
        train_step,
        avae=experiment.avae,
        tx=experiment.tx,
        search=experiment.training_search,
        pose_data=options.data.pose == "random",
    )
    return jit(step, searches=options.train.search, donate_argnums=0)


def batch(experiment: Experiment, step: int) -> tuple[np.ndarray, np.ndarray]:
    """The examples of one update and their indices; a function of the step alone."""
    options, examples = experiment.options, experiment.dataset.train
    index = data.batch_indices(
        step, batch_size=options.train.batch_size, examples=len(examples), seed=options.seed
    )
    return examples[index], index


class Keeper:
    """What is written while training: metrics, checkpoints, moments, the clock."""

    def __init__(self, experiment: Experiment, workdir: WorkDir, saved: Checkpoints, calls: Calls):
        self.loss = float("nan")
        self._experiment, self._workdir, self._saved = experiment, workdir, saved
        self._calls = calls
        self._recent: list[tuple[int, dict]] = []
        self._seconds = workdir.read_json(SECONDS) or 0.0
        self._began = time.perf_counter()

    def after(self, step: int, state: TrainState, metrics: dict[str, Array]) -> None:
        """Takes note of update number `step`.

        Raises:
          NumericalError: a metric since the last line of the log is not finite.
        """
        options = self._experiment.options
        last = step == options.train.steps
        self._recent.append((step, metrics))
        saving = last or step % options.log.checkpoint_every == 0
        if saving or step % options.log.every == 0:
            values = require_finite(self._recent)
            self._recent, self.loss = [], values["loss"]
            self._workdir.log(step, values)
        if saving:
            self._saved.save(step, packed(state), force=True)
            spent = self._seconds + time.perf_counter() - self._began
            self._workdir.write_json(SECONDS, round(spent, 3))
        self.record(state, step)

    def record(self, state: TrainState, step: int) -> None:
        """Records found poses if this is one of the moments to do so."""
        experiment, log = self._experiment, self._experiment.options.log
        if step not in moments(log.moments, experiment.options.train.steps):
            return
        began = time.perf_counter()
        poses = found_poses(experiment, self._calls.fitted(state), self._calls, log.moment_examples)
        labels = labels_of(experiment, len(poses["found"]))
        self._workdir.save_moment(step, {**poses, "label": labels})
        # The clock is that of training alone.
        self._began += time.perf_counter() - began


def moments(count: int, steps: int) -> set[int]:
    """The steps at which poses are recorded: the first, the last, dense at the beginning."""
    if count < 2:
        return {steps} if count else set()
    return {round(steps * (k / (count - 1)) ** 2) for k in range(count)}


def require_finite(recent: list[tuple[int, dict[str, Array]]]) -> dict[str, float]:
    """The metrics of the last of some updates, on the host.

    Raises:
      NumericalError: one of them is not finite; names the first and its step.
    """
    for step, metrics in jax.device_get(recent):
        for name, value in metrics.items():
            if not np.isfinite(value):
                raise NumericalError(
                    f"{name}={value} at step {step}: wanted a finite number; the last good "
                    "checkpoint is kept; lower train.learning_rate or look at the data"
                )
    return {name: float(value) for name, value in metrics.items()}
