"""Writes metrics, checkpoints, snapshots and the clock during training."""

import time
from collections.abc import Callable

from avae_jax.core.errors import Preempted
from avae_jax.core.types import Array
from avae_jax.evaluation.held_out import CompiledEvaluation, found_poses, labels_of
from avae_jax.inference.trained import Trained
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.experiment import Experiment
from avae_jax.training.restore import with_raw_key
from avae_jax.training.state import TrainState
from avae_jax.training.watch import Callback, Watch
from avae_jax.training.workdir import SECONDS, WorkDir, seconds_of
from avae_jax.training.writers import Writers, pictures


class Recorder:
    """Logs metrics and pictures, saves checkpoints and snapshots; a `Watch` that writes."""

    def __init__(
        self,
        experiment: Experiment,
        workdir: WorkDir,
        saved: Checkpoints,
        calls: CompiledEvaluation,
        trained: Callable[[TrainState], Trained],
        callback: Callback | None = None,
        writers: Writers | None = None,
    ):
        options = experiment.options
        self._watch = Watch(steps=options.train.steps, every=options.log.every, callback=callback)
        self._experiment, self._workdir, self._saved = experiment, workdir, saved
        self._calls, self._trained, self._writers = calls, trained, writers
        self._seconds = seconds_of(workdir)
        self._began = time.perf_counter()

    @property
    def loss(self) -> float | None:
        """The last loss that was logged."""
        return self._watch.loss

    @property
    def ended(self) -> bool:
        """Whether the callback has ended the training."""
        return self._watch.ended

    def after(self, step: int, state: TrainState, metrics: dict[str, Array]) -> None:
        """Records update number `step`.

        Raises:
          NumericalError: a metric since the last line of the log is not finite.
        """
        options = self._experiment.options
        self._watch.add(step, metrics)
        saving = step == options.train.steps or step % options.log.checkpoint_every == 0
        if saving or self._watch.due(step):
            self._log(step, self._watch.look())
        self.record(state, step)
        if saving:
            self._save(step, state)

    def _log(self, step: int, metrics: dict[str, float]) -> None:
        self._workdir.log(step, metrics)
        if self._writers:
            self._writers.scalars(step, metrics)

    def stop(self, step: int, state: TrainState) -> None:
        """Saves update number `step` and ends the run.

        Adds no line to the log, so that it stays equal to the log of an uninterrupted run.

        Raises:
          Preempted: always.
          NumericalError: a metric since the last line of the log is not finite.
        """
        self._watch.require_sound()
        self._save(step, state)
        self._saved.wait()
        raise Preempted(f"saved after step {step}; the same command continues from there")

    def end(self, step: int, state: TrainState) -> None:
        """Saves update number `step`, where the callback has ended the training."""
        self._save(step, state)

    def _save(self, step: int, state: TrainState) -> None:
        # The mean since the checkpoint before: the loss of one batch says little. After an early
        # stop it is that of fewer updates.
        self._saved.save(step, with_raw_key(state), loss=self._watch.mean_loss(), force=True)
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
        if self._experiment.options.log.writers:
            # All processes compute it, one has writers.
            seen = pictures.moment(task, trained, self._calls, poses["found"])
            if self._writers:
                self._writers.picture(step, "held_out", seen)
        # The clock counts training only.
        self._began += time.perf_counter() - began


def snapshot_steps(count: int, steps: int) -> set[int]:
    """The steps of snapshots: the first, the last, and dense at the beginning."""
    if count < 2:
        return {steps} if count else set()
    return {round(steps * (k / (count - 1)) ** 2) for k in range(count)}
