"""Checkpoints of a training run: saved in the background, restored to the same bits."""

import contextlib
import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from absl import logging

from avae_jax import jsontext, placement
from avae_jax.errors import InputError
from avae_jax.types import PyTree

SEAL = "seal.json"
# In place of a step, where there is no checkpoint.
NONE = -1


class Checkpoints:
    """The checkpoints `folder/<step>/` of one run.

    Used with `with`, or closed by `close`: a save goes on in the background while training
    does, appears under its step only when whole, and is waited for at the end. Each holds
    a seal, the digests of its files and the shapes of its arrays, which is checked before
    a restore: the storage below notices a file cut short, but not a changed byte.

    Args:
      folder: made if it does not exist.
      keep: how many are kept; the oldest go.
      every: updates between two checkpoints.
    """

    def __init__(self, folder: str | os.PathLike, keep: int, every: int):
        self.folder = Path(folder).resolve()
        self._every = every
        self._broken: list[int] = []
        self._failed = False
        self._sealing: tuple[int, dict[str, str]] | None = None
        # What matters arrives as an exception or a warning of ours; the rest is noise.
        self._verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.FATAL)
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep,
            cleanup_tmp_directories=True,
            # What it would read of every checkpoint are dates, and these need not be sound.
            lightweight_initialize=True,
            async_options=ocp.AsyncOptions(post_finalization_callback=self._seal),
        )
        self._manager = ocp.CheckpointManager(self.folder, options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def steps(self) -> list[int]:
        """The steps of the checkpoints, readable or not, in their order."""
        return sorted(self._manager.all_steps())

    def save(self, step: int, state: PyTree, *, force: bool = False) -> bool:
        """Saves `state` if a checkpoint is due at `step`; returns whether it did.

        The arrays are copied before this returns, so the caller may donate them.

        Args:
          step: updates done.
          state: a pytree of arrays.
          force: save whether due or not, as at the end of a run.
        """
        if not force and step % self._every:
            return False
        for broken in self._broken:
            self._manager.delete(broken)
        self._broken = []
        if step in self._manager.all_steps():
            return False
        self.wait()  # for the save before this one, which still needs its own `_sealing`
        self._sealing = step, _description(state)
        with self._writing():
            return self._manager.save(step, args=ocp.args.StandardSave(state), force=True)

    def wait(self) -> None:
        """Returns when every save is on disk.

        Raises:
          InputError: one did not get there, as on a full disk; those before it stay.
        """
        with self._writing():
            self._manager.wait_until_finished()

    def restore_latest(self, template: PyTree) -> tuple[PyTree, int] | None:
        """The newest state that can be read and its step; `None` if there is none.

        One that is truncated or garbled is passed over with a warning that names it, and
        makes way at the next save.

        Args:
          template: a pytree with the structure, shapes, dtypes and shardings of the state;
            the devices need not be those that saved.

        Raises:
          InputError: the newest that can be read holds a state of another kind.
        """
        self.wait()
        steps = self.steps()
        # One process looks, and all go by what it found.
        newest = placement.agreed(self._newest_sound(steps) if placement.leads() else NONE)
        self._broken = [step for step in steps if step > newest]
        if newest == NONE:
            return None
        folder = self.folder / str(newest)
        other = _mismatch(folder, _description(template))
        if other:
            raise InputError(f"checkpoint {folder}: {other}")
        try:
            return self._manager.restore(newest, args=ocp.args.StandardRestore(template)), newest
        except Exception as error:  # the storage has many kinds of its own
            said = str(error).splitlines()[:1]
            raise InputError(f"checkpoint {folder}: cannot be restored, {said}") from error

    def _newest_sound(self, steps: list[int]) -> int:
        """The newest of `steps` whose files are whole; warns of those passed over."""
        for step in reversed(steps):
            damage = _damage(self.folder / str(step))
            if damage is None:
                return step
            warnings.warn(f"checkpoint {self.folder / str(step)}: {damage}", stacklevel=3)
        if steps:
            warnings.warn(f"checkpoints {self.folder}: none can be read", stacklevel=3)
        return NONE

    def close(self) -> None:
        """Waits for the last save and lets go of the folder."""
        try:
            with self._writing():
                self._manager.close()
        finally:
            # Of a failure more threads than one have something to say, now or later.
            if not self._failed:
                logging.set_verbosity(self._verbosity)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns a failure to write a checkpoint into an `InputError`."""
        try:
            yield
        except (OSError, ValueError) as error:
            self._failed = True
            raise InputError(
                f"checkpoints {self.folder}: cannot be written, {_system_words(error)}; "
                "the last good one is kept"
            ) from error

    def _seal(self) -> None:
        """Seals the save under way, whose folder is whole and not yet under its final name."""
        if self._sealing is None or not placement.leads():
            return
        step, arrays = self._sealing
        for folder in self.folder.glob(f"{step}.*"):
            seal = {"arrays": arrays, "files": _digests(folder)}
            (folder / SEAL).write_text(json.dumps(seal))


def _system_words(error: Exception) -> str:
    """What the system said when something could not be written."""
    # The storage ends with it: "... to file 4: No space left on device [os_error_code='28']".
    inner = re.search(r"([^:]*) \[os_error_code", str(error))
    said = inner.group(1).strip() if inner else getattr(error, "strerror", None)
    return said or str(error)[:200]


def _description(state: PyTree) -> dict[str, str]:
    """Type and shape of every array of `state` by its path."""
    leaves, _ = jax.tree.flatten_with_path(state)
    return {jax.tree_util.keystr(path): f"{leaf.dtype}{leaf.shape}" for path, leaf in leaves}


def _digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in the folders of `folder`, by its relative name.

    The files directly in `folder` belong to the storage, which changes them once more.
    """
    found = {}
    for path in sorted(folder.glob("*/**/*")):
        if path.is_file():
            with path.open("rb") as file:
                name = str(path.relative_to(folder))
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _damage(folder: Path) -> str | None:
    """Why the files of the checkpoint in `folder` are not those saved; `None` if they are."""
    try:
        sealed, found = _seal_of(folder)["files"], _digests(folder)
    except (OSError, ValueError) as error:
        return f"{SEAL} cannot be read, {error}"
    changed = [name for name in sorted({*sealed, *found}) if found.get(name) != sealed.get(name)]
    return f"{changed[0]} is truncated, garbled or gone" if changed else None


def _mismatch(folder: Path, wanted: dict[str, str]) -> str | None:
    """Why the sound checkpoint in `folder` does not hold the arrays `wanted`; `None` if it does."""
    arrays = _seal_of(folder)["arrays"]
    other = [path for path in sorted({*arrays, *wanted}) if arrays.get(path) != wanted.get(path)]
    if not other:
        return None
    held, needed = arrays.get(other[0], "nothing"), wanted.get(other[0], "nothing")
    return f"holds {held} at {other[0]} where {needed} is wanted"


def _seal_of(folder: Path) -> dict:
    """The seal of a checkpoint.

    Raises:
      ValueError: it is none.
    """
    seal = jsontext.read(folder / SEAL)
    if not (isinstance(seal, dict) and all(_names(seal.get(part)) for part in ("arrays", "files"))):
        raise ValueError("not the digests and shapes of a checkpoint")
    return seal


def _names(value: Any) -> bool:
    """Whether `value` is an object of texts."""
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
