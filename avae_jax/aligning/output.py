"""The output directory of an alignment: who it belongs to, how far it is, what is finished.

align.json       the job and its result; there once everything else is
unfinished/      the job, how many examples are done, and their rows, until then
"""

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from avae_jax import jsontext
from avae_jax.atomic import locked, whole
from avae_jax.errors import InputError

RESULT, UNFINISHED, LOCK = "align.json", "unfinished", "lock"


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
        """Where the rows of examples that are done lie."""
        (self._parts / "rows").mkdir(exist_ok=True)
        return self._parts / "rows"

    def results(self) -> Path:
        """An empty folder for results until all of them are there."""
        _remove(self._parts / "results")
        (self._parts / "results").mkdir()
        return self._parts / "results"

    @property
    def done(self) -> int:
        """How many examples, from the first on, need not be done again."""
        count = _read(self._parts / "done.json")
        return count if isinstance(count, int) and count > 0 else 0

    @done.setter
    def done(self, count: int) -> None:
        _write(self._parts / "done.json", count)

    def finish(self, names: Sequence[str], result: dict[str, Any]) -> None:
        """Moves the results `names` to their places and says so in align.json."""
        for name in names:
            (self.folder / name).parent.mkdir(exist_ok=True)
            _remove(self.folder / name)
            (self._parts / "results" / name).rename(self.folder / name)
        _write(self.folder / RESULT, {"job": self._job, "result": result})
        shutil.rmtree(self._parts)


@contextlib.contextmanager
def claimed(
    folder: Path, job: dict[str, Any], names: Sequence[str], *, overwrite: bool
) -> Iterator[Output]:
    """The output directory for `job`, which will hold `names`, locked.

    Args:
      overwrite: another job's results, or files of those names, make way.

    Raises:
      InputError: the directory holds such, cannot be written, or is worked in.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOCK).touch()
    except OSError as error:
        raise InputError(f"output {folder}: cannot be written, {error.strerror}") from error
    with locked(folder, name="output"):
        if overwrite:
            for name in (RESULT, UNFINISHED, *names):
                _remove(folder / name)
        finished = _belonging(folder, job, names)
        if finished is None:
            (folder / UNFINISHED).mkdir(exist_ok=True)
            _write(folder / UNFINISHED / "job.json", job)
        yield Output(folder, job, finished)


def _belonging(folder: Path, job: dict[str, Any], names: Sequence[str]) -> dict[str, Any] | None:
    """The result if `job` is finished, `None` if there is work to do.

    Raises:
      InputError: the directory belongs to something else.
    """
    require_free(folder, names)
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
    finished, begun = _object(folder / RESULT), _object(folder / UNFINISHED / "job.json")
    parts = [finished.get(name) for name in ("job", "result")] if finished else []
    if not all(isinstance(part, dict) for part in parts):
        finished = None  # nothing that `finish` wrote
    return finished, begun


def require_free(folder: Path, names: Sequence[str]) -> None:
    """Checks that a directory holds an alignment, or nothing of `names`.

    Raises:
      InputError: says what it holds.
    """
    strays = [name for name in (RESULT, *names) if (folder / name).exists()]
    if strays and not any(_found(folder)):
        raise InputError(
            f"output {folder}: holds {', '.join(strays)} already; choose another directory "
            "or say --overwrite"
        )


def _read(path: Path) -> Any:
    """The value of a small file; `None` where it is absent or garbled."""
    try:
        return jsontext.read(path)
    except (OSError, ValueError):
        return None


def _object(path: Path) -> dict[str, Any] | None:
    """The JSON object of a small file; `None` where it is absent, garbled or another value."""
    value = _read(path)
    return value if isinstance(value, dict) else None


def _write(path: Path, value: Any) -> None:
    with whole(path) as file:
        file.write((json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
