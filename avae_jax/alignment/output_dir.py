"""Output directory of an alignment: its owner, its progress and its results.

align.json       the job and its result; written last
files.json       the files that were written (see `written_files`)
unfinished/      the job, the progress and the rows of an unfinished alignment
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from avae_jax.alignment import written_files
from avae_jax.alignment.job import differences
from avae_jax.core import strict_json
from avae_jax.core.atomic_files import locked, whole
from avae_jax.core.errors import InputError

RESULT, UNFINISHED, LOCK = "align.json", "unfinished", "lock"
JOB, DONE, PLANNED, ROWS, RESULTS = "job.json", "done.json", "planned.json", "rows", "results"
# Names that must not be links, because links would be followed.
OWN = (LOCK, UNFINISHED, f"{UNFINISHED}/{ROWS}", f"{UNFINISHED}/{RESULTS}")
# Format version of align.json, poses.csv and the other results; version 0.1.0 wrote none.
FORMAT = 2
# Columns of rows, each in a file of its own.
COLUMNS = ("aligned", "poses", "losses", "doubtful", "latents", "uncertainty", "drawn")


class Output:
    """A directory of one job, locked by this process; `claimed` makes it.

    Attributes:
      finished: the result, if the same job was finished before.
    """

    def __init__(self, folder: Path, job: dict[str, Any], finished: dict[str, Any] | None):
        self.folder, self.finished = folder, finished
        self._parts = folder / UNFINISHED
        self._job = job

    @property
    def rows(self) -> Path:
        """Folder of the rows of finished examples, in files named after `COLUMNS`."""
        (self._parts / ROWS).mkdir(exist_ok=True)
        return self._parts / ROWS

    def results(self) -> Path:
        """An empty folder for results until all of them are complete."""
        folder = self._parts / RESULTS
        written_files.remove(folder, _planned(self._parts))
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def done(self) -> int:
        """Number of finished examples, counted from the first."""
        count = strict_json.read_or_none(self._parts / DONE)
        return count if isinstance(count, int) and count > 0 else 0

    @done.setter
    def done(self, count: int) -> None:
        _write(self._parts / DONE, count)

    def publish(self) -> None:
        """Moves the complete results to their places.

        Raises:
          InputError: a file that no alignment wrote is in the place of a result.
        """
        folder = self._parts / RESULTS
        # In the order of the plan: the file that marks the others as complete is last.
        names = [name for name in _planned(self._parts) if (folder / name).is_file()]
        listed = written_files.load(self.folder)
        foreign = [
            name
            for name in names
            if name not in listed or not written_files.is_unchanged(self.folder, name, listed[name])
        ]
        written_files.require_vacant(self.folder, foreign)
        written_files.require_own_list(self.folder)
        # Saved before any file moves, so that a killed process leaves no unlisted file.
        listed |= {name: written_files.describe(folder / name) for name in names}
        written_files.save(self._parts, listed)
        os.replace(self._parts / written_files.NAME, self.folder / written_files.NAME)
        for name in names:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / name, self.folder / name)

    def finish(self, result: dict[str, Any]) -> None:
        """Moves the results to their places, align.json last, which marks them as complete."""
        done = {"format": FORMAT, "job": self._job, "result": result}
        _write(self._parts / RESULTS / RESULT, done)
        self.publish()
        _clear_unfinished(self.folder)


@contextlib.contextmanager
def claimed(
    folder: Path, job: dict[str, Any], files: Sequence[str], *, overwrite: bool
) -> Iterator[Output]:
    """The locked output directory for `job`, which will hold `files`.

    Args:
      files: paths of the results, relative to `folder`.
      overwrite: delete the unchanged files of an earlier alignment.

    Raises:
      InputError: the directory holds other files in the place of results, cannot be written,
        or is locked by another process.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / LOCK).is_symlink():
            (folder / LOCK).touch()
    except OSError as error:
        raise InputError(f"output {folder}: cannot be written, {error.strerror}") from error
    with _in_order(folder), locked(folder, name="output"):
        if overwrite:
            _clear(folder, files)
            finished = None
        else:
            finished = _belonging(folder, job, files)
        if finished is None:
            (folder / UNFINISHED).mkdir(exist_ok=True)
            _write(folder / UNFINISHED / JOB, job)
            _write(folder / UNFINISHED / PLANNED, [*files, RESULT])
        yield Output(folder, job, finished)


@contextlib.contextmanager
def _in_order(folder: Path) -> Iterator[None]:
    """Raises an `InputError` for a file in the place of a folder of the output, or the reverse."""
    try:
        yield
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        if not Path(error.filename or "/").is_relative_to(folder):
            raise
        raise InputError(
            f"output {folder}: {error.filename}: {error.strerror}; move it away"
        ) from error


def require_free(folder: Path, files: Iterable[str], *, overwrite: bool) -> None:
    """Checks that a directory has no files in the places of `files`; changes nothing.

    Raises:
      InputError: names the files in these places.
    """
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise InputError(f"output {folder}: not a directory; choose another name")
    listed, (finished, begun) = written_files.load(folder), _found(folder)
    parts = folder / UNFINISHED
    written_files.require_no_links(folder, OWN)
    if overwrite or not finished:
        written_files.require_own_list(folder)
    if begun is None and parts.exists() and not (parts.is_dir() and not any(parts.iterdir())):
        raise InputError(
            f"output {folder}: holds {UNFINISHED}, which no alignment began; "
            "choose another directory"
        )
    if overwrite:
        written_files.require_unchanged(folder, listed)
        written_files.require_vacant(
            folder, [name for name in (RESULT, *files) if name not in listed]
        )
        return
    tops = dict.fromkeys((RESULT, *(PurePosixPath(name).parts[0] for name in files)))
    strays = [name for name in tops if (folder / name).exists() or (folder / name).is_symlink()]
    if strays and not finished and not begun:
        way_out = " or use --overwrite" if listed else ""
        raise InputError(
            f"output {folder}: holds {written_files.some(strays)} already; "
            f"choose another directory{way_out}"
        )


def _clear(folder: Path, files: Iterable[str]) -> None:
    """Deletes the files of an earlier alignment, finished or not.

    Raises:
      InputError: one of them was changed, or another file is in the place of a result.
    """
    require_free(folder, files, overwrite=True)
    listed = written_files.load(folder)
    written_files.remove(folder, (*listed, written_files.NAME) if listed else ())
    _clear_unfinished(folder)


def _clear_unfinished(folder: Path) -> None:
    """Deletes the rows and the incomplete results, but no other file beside them."""
    parts = folder / UNFINISHED
    rows = [f"{ROWS}/{name}{end}" for name in COLUMNS for end in (".npy", ".npy.part", ".part")]
    results = [f"{RESULTS}/{name}" for name in _planned(parts)]
    small = [
        f"{name}{end}" for name in (JOB, DONE, PLANNED, written_files.NAME) for end in ("", ".part")
    ]
    written_files.remove(parts, (*rows, *results, *small))
    for path in (parts / ROWS, parts / RESULTS, parts):
        written_files.remove_empty(path, within=folder)


def _planned(parts: Path) -> list[str]:
    """The planned results of an unfinished alignment."""
    names = strict_json.read_or_none(parts / PLANNED)
    names = names if isinstance(names, list) else []
    return [name for name in names if isinstance(name, str) and written_files.is_inside(name)]


def job_in(folder: Path, *, finished: bool = False) -> dict[str, Any] | None:
    """The job of the alignment in a directory, or only of a `finished` one; `None` without it."""
    ended, begun = _found(folder)
    return ended["job"] if ended else (None if finished else begun)


def _belonging(folder: Path, job: dict[str, Any], files: Sequence[str]) -> dict[str, Any] | None:
    """The result if `job` is finished, `None` otherwise.

    Raises:
      InputError: the directory belongs to another job.
    """
    require_free(folder, files, overwrite=False)
    owner = job_in(folder)
    if owner is None:
        return None
    changed = differences(owner, job)
    if changed:
        raise InputError(
            f"output {folder}: holds the alignment of another job ({', '.join(changed)} differ); "
            "choose another directory or use --overwrite"
        )
    finished, _ = _found(folder)
    return finished["result"] if finished else None


def _found(folder: Path) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The finished result in a directory, and the unfinished job there."""
    finished, begun = (
        strict_json.object_or_none(folder / name) for name in (RESULT, f"{UNFINISHED}/{JOB}")
    )
    parts = [finished.get(name) for name in ("job", "result")] if finished else []
    if not all(isinstance(part, dict) for part in parts):
        finished = None  # not written by `finish`
    return finished, begun


def _write(path: Path, value: Any) -> None:
    with whole(path) as file:
        file.write((json.dumps(value, indent=2, allow_nan=False) + "\n").encode())
