"""Output directory of an alignment: its owner, its progress and its results.

align.json       the job and its result; there once everything else is
files.json       the files that were written (see `manifest`)
unfinished/      the job, how many examples are done, and their rows, until then
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from avae_jax.alignment import written_files
from avae_jax.core import strict_json
from avae_jax.core.atomic_files import locked, whole
from avae_jax.core.errors import InputError

RESULT, UNFINISHED, LOCK = "align.json", "unfinished", "lock"
JOB, DONE, PLANNED, ROWS, RESULTS = "job.json", "done.json", "planned.json", "rows", "results"
# What may be no link, as links would be followed.
OWN = (LOCK, UNFINISHED, f"{UNFINISHED}/{ROWS}", f"{UNFINISHED}/{RESULTS}")
# Of align.json, poses.csv and the other results; version 0.1.0 wrote none.
FORMAT = 2
# Of rows, each in a file of its own.
COLUMNS = ("aligned", "poses", "losses", "doubtful", "latents", "drawn")


class Output:
    """A directory that belongs to one job, of the process that made it by `claimed`.

    Attributes:
      finished: the result, if the same job was finished before.
    """

    def __init__(self, folder: Path, job: dict[str, Any], finished: dict[str, Any] | None):
        self.folder, self.finished = folder, finished
        self._parts = folder / UNFINISHED
        self._job = job

    @property
    def rows(self) -> Path:
        """Where the rows of examples that are done lie, in files named after `COLUMNS`."""
        (self._parts / ROWS).mkdir(exist_ok=True)
        return self._parts / ROWS

    def results(self) -> Path:
        """A folder for results until all of them are there, without those of an earlier start."""
        folder = self._parts / RESULTS
        written_files.remove(folder, _planned(self._parts))
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def done(self) -> int:
        """How many examples, from the first on, need not be done again."""
        count = strict_json.read_or_none(self._parts / DONE)
        return count if isinstance(count, int) and count > 0 else 0

    @done.setter
    def done(self, count: int) -> None:
        _write(self._parts / DONE, count)

    def publish(self) -> None:
        """Moves the results that are there to their places.

        Raises:
          InputError: a file that no alignment wrote is in the place of one.
        """
        folder = self._parts / RESULTS
        # In order of the plan, at the end of which stands what says that the others are there.
        names = [name for name in _planned(self._parts) if (folder / name).is_file()]
        listed = written_files.load(self.folder)
        foreign = [
            name
            for name in names
            if name not in listed or not written_files.is_unchanged(self.folder, name, listed[name])
        ]
        written_files.require_vacant(self.folder, foreign)
        written_files.require_own_list(self.folder)
        # Before any file moves, so that each is known as ours whatever ends the process.
        listed |= {name: written_files.describe(folder / name) for name in names}
        written_files.save(self._parts, listed)
        os.replace(self._parts / written_files.NAME, self.folder / written_files.NAME)
        for name in names:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / name, self.folder / name)

    def finish(self, result: dict[str, Any]) -> None:
        """Moves the results to their places, align.json last, which says that all is done."""
        done = {"format": FORMAT, "job": self._job, "result": result}
        _write(self._parts / RESULTS / RESULT, done)
        self.publish()
        _clear_unfinished(self.folder)


@contextlib.contextmanager
def claimed(
    folder: Path, job: dict[str, Any], files: Sequence[str], *, overwrite: bool
) -> Iterator[Output]:
    """The output directory for `job`, which will hold `files`, locked.

    Args:
      files: paths of the results, relative to `folder`.
      overwrite: delete what an earlier alignment wrote there and nobody has changed since.

    Raises:
      InputError: the directory holds other things in the place of results, cannot be written,
        or is worked in.
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
    """Turns a file in the place of a folder of the output, or the reverse, into an `InputError`."""
    try:
        yield
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        if not Path(error.filename or "/").is_relative_to(folder):
            raise
        raise InputError(
            f"output {folder}: {error.filename}: {error.strerror}; move it away"
        ) from error


def require_free(folder: Path, files: Iterable[str], *, overwrite: bool) -> None:
    """Checks that a directory has room for the results `files`; changes nothing.

    Raises:
      InputError: says what is in the way.
    """
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise InputError(f"output {folder}: no directory; choose another name")
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
        way_out = " or say --overwrite" if listed else ""
        raise InputError(
            f"output {folder}: holds {written_files.some(strays)} already; "
            f"choose another directory{way_out}"
        )


def _clear(folder: Path, files: Iterable[str]) -> None:
    """Deletes what an earlier alignment wrote, finished or not.

    Raises:
      InputError: a file of its was changed, or another one is in the place of a result.
    """
    require_free(folder, files, overwrite=True)
    listed = written_files.load(folder)
    written_files.remove(folder, (*listed, written_files.NAME) if listed else ())
    _clear_unfinished(folder)


def _clear_unfinished(folder: Path) -> None:
    """Deletes the rows and the results under way, and nothing that somebody put beside them."""
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
    """The files that an unfinished alignment was to write."""
    names = strict_json.read_or_none(parts / PLANNED)
    names = names if isinstance(names, list) else []
    return [name for name in names if isinstance(name, str) and written_files.is_inside(name)]


def _belonging(folder: Path, job: dict[str, Any], files: Sequence[str]) -> dict[str, Any] | None:
    """The result if `job` is finished, `None` if there is work to do.

    Raises:
      InputError: the directory belongs to something else.
    """
    require_free(folder, files, overwrite=False)
    finished, begun = _found(folder)
    owner = finished["job"] if finished else begun
    if owner is None:
        return None
    changed = [name for name in job if owner.get(name) != job[name]]
    if changed:
        raise InputError(
            f"output {folder}: holds the alignment of another job ({', '.join(changed)} differ); "
            "choose another directory or say --overwrite"
        )
    return finished["result"] if finished else None


def _found(folder: Path) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What was finished in a directory, and the job that was begun there."""
    finished, begun = _object(folder / RESULT), _object(folder / UNFINISHED / JOB)
    parts = [finished.get(name) for name in ("job", "result")] if finished else []
    if not all(isinstance(part, dict) for part in parts):
        finished = None  # nothing that `finish` wrote
    return finished, begun


def _object(path: Path) -> dict[str, Any] | None:
    """The JSON object of a small file; `None` where it is absent, garbled or another value."""
    value = strict_json.read_or_none(path)
    return value if isinstance(value, dict) else None


def _write(path: Path, value: Any) -> None:
    with whole(path) as file:
        file.write((json.dumps(value, indent=2, allow_nan=False) + "\n").encode())
