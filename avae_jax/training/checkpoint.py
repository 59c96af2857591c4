"""Checkpoints of a training run: saved in the background, restored to the same bits."""

import contextlib
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp
from absl import logging

from avae_jax.core import sharding
from avae_jax.core.errors import InputError
from avae_jax.core.types import PyTree
from avae_jax.training import checkpoint_seal

# In place of a step, if there is no checkpoint.
NONE = -1
# A state, or a function to one from the arrays that a checkpoint holds.
Template = PyTree | Callable[[dict[str, str]], PyTree]


class Checkpoints:
    """The checkpoints `folder/<step>/` of one run.

    Used with `with`, or closed by `close`: a save runs in the background during training,
    appears under its step only when complete, and is waited for at the end. Each checkpoint
    has a seal, the digests of its files and the shapes of its arrays, which is checked before
    a restore: Orbax detects a truncated file, but not a changed byte.

    Args:
      folder: created if it does not exist.
      keep: number of newest checkpoints to keep, beside the one of the lowest loss.
      every: updates between two checkpoints.
      reads: whether another process may be saving there: nothing is written or deleted.
    """

    def __init__(self, folder: str | os.PathLike, keep: int, every: int, *, reads: bool = False):
        self.folder = Path(folder).resolve()
        self._every = every
        self._broken: list[int] = []
        self._failed = False
        self._sealing: tuple[int, dict[str, str]] | None = None
        self._losses: dict[int, float] = {}
        # Silence Orbax's log output; failures are raised as exceptions or warnings here.
        self._verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.FATAL)
        options = ocp.CheckpointManagerOptions(
            preservation_policy=_NewestAndBest(keep, self._losses),
            read_only=reads,
            save_interval_steps=int(not reads),
            create=not reads,
            cleanup_tmp_directories=not reads,
            # Otherwise Orbax reads the dates of all checkpoints, which may be damaged.
            lightweight_initialize=True,
            async_options=ocp.AsyncOptions(post_finalization_callback=self._seal),
        )
        self._manager = ocp.CheckpointManager(self.folder, options=options)
        self._losses |= checkpoint_seal.losses(self.folder, self.steps())

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def steps(self) -> list[int]:
        """The steps of all checkpoints, readable or not, in increasing order."""
        return sorted(self._manager.all_steps())

    def save(
        self, step: int, state: PyTree, *, loss: float | None = None, force: bool = False
    ) -> bool:
        """Saves `state` if a checkpoint is due at `step`; returns whether it was saved.

        The arrays are copied before this returns, so the caller may donate them.

        Args:
          step: number of finished updates.
          state: a pytree of arrays.
          loss: ranks the checkpoints; without it `state` is never the best.
          force: save in any case, as at the end of a run.
        """
        if not force and step % self._every:
            return False
        for broken in self._broken:
            self._manager.delete(broken)
        self._broken = []
        if step in self._manager.all_steps():
            return False
        self.wait()  # for the save before this one, which still needs its own `_sealing`
        self._sealing = step, checkpoint_seal.description(state)
        self._losses.pop(step, None)
        if loss is not None:
            self._losses[step] = loss
        with self._writing():
            return self._manager.save(step, args=ocp.args.StandardSave(state), force=True)

    def wait(self) -> None:
        """Returns when every save is on disk.

        Raises:
          InputError: a save failed, for example on a full disk; earlier ones stay.
        """
        with self._writing():
            self._manager.wait_until_finished()

    def restore_latest(self, template: Template) -> tuple[PyTree, int] | None:
        """The newest readable state and its step; `None` if there is none.

        A truncated or garbled checkpoint is skipped with a warning that names it; the next
        save replaces it.

        Args:
          template: a pytree with the structure, shapes, dtypes and shardings of the state, or
            a function to it from the `description` of what was saved; the devices need not be
            those that saved.

        Raises:
          InputError: the newest that can be read holds a state of another kind.
        """
        self.wait()
        steps = self.steps()
        found = self._restore_first(steps[::-1], template)
        self._broken = [step for step in steps if found is None or step > found[1]]
        return found

    def restore_best(self, template: Template) -> tuple[PyTree, int] | None:
        """The readable state of the lowest loss, the newest of several; else `restore_latest`."""
        self.wait()
        rated = sorted(self._losses, key=lambda step: (self._losses[step], -step))
        there = self.steps()
        return self._restore_first([step for step in rated if step in there], template)

    def _restore_first(self, steps: list[int], template: Template) -> tuple[PyTree, int] | None:
        """The first of `steps` that can be read; arguments and errors as `restore_latest`."""
        # One process checks the files, and all use its result.
        sound = sharding.agreed(self._first_sound(steps) if sharding.leads() else NONE)
        if sound == NONE:
            return None
        folder = self.folder / str(sound)
        if callable(template):
            template = template(checkpoint_seal.arrays_in(folder))
        other = checkpoint_seal.find_mismatch(folder, checkpoint_seal.description(template))
        if other:
            raise InputError(f"checkpoint {folder}: {other}")
        try:
            return self._manager.restore(sound, args=ocp.args.StandardRestore(template)), sound
        except Exception as error:  # Orbax raises many exceptions
            if sharding.broke_off(error):
                raise
            said = str(error).splitlines()[:1]
            raise InputError(f"checkpoint {folder}: cannot be restored, {said}") from error

    def _first_sound(self, steps: list[int]) -> int:
        """The first of `steps` with undamaged files; warns of the skipped ones."""
        damaged = False
        for step in steps:
            folder = self.folder / str(step)
            damage = checkpoint_seal.find_damage(folder)
            if damage is None:
                return step
            # Else deleted by a training that goes on.
            if folder.exists():
                damaged = True
                warnings.warn(f"checkpoint {folder}: {damage}", stacklevel=4)
        if damaged:
            warnings.warn(f"checkpoints {self.folder}: none can be read", stacklevel=4)
        return NONE

    def close(self) -> None:
        """Waits for the last save and releases the folder."""
        try:
            with self._writing():
                self._manager.close()
        finally:
            # Several threads may report one failure, now or later.
            if not self._failed:
                logging.set_verbosity(self._verbosity)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Context that turns a failure to write a checkpoint into an `InputError`."""
        try:
            yield
        except (OSError, ValueError) as error:
            # Processes synchronise before they write: one of them may have died.
            if sharding.broke_off(error):
                raise
            self._failed = True
            raise InputError(
                f"checkpoints {self.folder}: cannot be written, {_system_words(error)}; "
                "the last good one is kept"
            ) from error

    def _seal(self) -> None:
        """Seals the current save, whose folder is complete but not yet under its final name."""
        if self._sealing is None or not sharding.leads():
            return
        step, arrays = self._sealing
        for folder in self.folder.glob(f"{step}.*"):
            checkpoint_seal.write(folder, arrays, self._losses.get(step))


def _system_words(error: Exception) -> str:
    """The system's message about a failed write."""
    # Orbax's message ends with it: "... to file 4: No space left on device [os_error_code='28']".
    inner = re.search(r"([^:]*) \[os_error_code", str(error))
    said = inner.group(1).strip() if inner else getattr(error, "strerror", None)
    return said or str(error)[:200]


class _NewestAndBest:
    """Policy that keeps the newest `keep` checkpoints and the one of the lowest loss."""

    def __init__(self, keep: int, losses: dict[int, float]):
        self._keep, self._losses = keep, losses

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        """One answer for each of `checkpoints`, which come oldest first."""
        steps = [one.step for one in checkpoints]
        rated = [step for step in steps if step in self._losses]
        best = min(rated, key=lambda step: (self._losses[step], -step), default=None)
        return [step == best or step in steps[-self._keep :] for step in steps]
