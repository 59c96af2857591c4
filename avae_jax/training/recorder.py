"""Writes metrics, checkpoints, snapshots and the clock during training."""

import time
from collections.abc import Callable

import jax
import numpy as np

from avae_jax.core.errors import NumericalError, Preempted
from avae_jax.core.types import Array
from avae_jax.evaluation.held_out import CompiledEvaluation, found_poses, labels_of
from avae_jax.inference.trained import Trained
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.experiment import Experiment
from avae_jax.training.restore import with_raw_key
from avae_jax.training.state import TrainState
from avae_jax.training.workdir import SECONDS, WorkDir, seconds_of


class Recorder:
    """Logs metrics, saves checkpoints and snapshots; `loss` is the last logged value."""

    def __init__(
        self,
        experiment: Experiment,
        workdir: WorkDir,
        saved: Checkpoints,
        calls: CompiledEvaluation,
        trained: Callable[[TrainState], Trained],
    ):
        self.loss: float | None = None
        self._experiment, self._workdir, self._saved = experiment, workdir, saved
        self._calls, self._trained = calls, trained
        self._recent: list[tuple[int, dict]] = []
        self._losses: list[float] = []
        self._seconds = seconds_of(workdir)
        self._began = time.perf_counter()

    def after(self, step: int, state: TrainState, metrics: dict[str, Array]) -> None:
        """Records update number `step`.

        Raises:
          NumericalError: a metric since the last line of the log is not finite.
        """
        options = self._experiment.options
        last = step == options.train.steps
        self._recent.append((step, metrics))
        saving = last or step % options.log.checkpoint_every == 0
        if saving or step % options.log.every == 0:
            self._workdir.log(step, self._checked())
        self.record(state, step)
        if saving:
            self._save(step, state)

    def stop(self, step: int, state: TrainState) -> None:
        """Saves update number `step` and ends the run.

        Adds no line to the log, so that it stays equal to the log of an uninterrupted run.

        Raises:
          Preempted: always.
          NumericalError: a metric since the last line of the log is not finite.
        """
        if self._recent:
            self._checked()
        self._save(step, state)
        self._saved.wait()
        raise Preempted(f"saved after step {step}; the same command continues from there")

    def _checked(self) -> dict[str, float]:
        """The metrics of the last update; checks that all since the last call are finite."""
        values = require_finite(self._recent)
        self._losses += jax.device_get([metrics["loss"] for _, metrics in self._recent])
        self._recent, self.loss = [], values["loss"]
        return values

    def _save(self, step: int, state: TrainState) -> None:
        # The mean since the previous checkpoint, as the loss of one batch is noisy. After an
        # early stop it is over fewer updates.
        mean = float(np.mean(self._losses)) if self._losses else None
        self._losses = []
        self._saved.save(step, with_raw_key(state), loss=mean, force=True)
        spent = self._seconds + time.perf_counter() - self._began
        self._workdir.write_json(SECONDS, round(spent, 3))

    def record(self, state: TrainState, step: int) -> None:
        """Saves a snapshot of found poses if one is due at `step`."""
        experiment, log = self._experiment, self._experiment.options.log
        if step not in snapshot_steps(log.moments, experiment.options.train.steps):
            return
        began = time.perf_counter()
        trained, task = self._trained(state), experiment.task
        poses = found_poses(task, trained, self._calls, log.moment_examples)
        labels = labels_of(task, len(poses["found"]))
        self._workdir.save_snapshot(step, {**poses, "label": labels})
        # The clock counts training only.
        self._began += time.perf_counter() - began


def snapshot_steps(count: int, steps: int) -> set[int]:
    """The steps of snapshots: the first, the last, and dense at the beginning."""
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
