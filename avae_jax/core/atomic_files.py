"""Locked directories and atomic writes of files."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avae_jax.core.errors import InputError


@contextlib.contextmanager
def refused(folder: Path) -> Iterator[None]:
    """Context that turns a failure to write in `folder` into an `InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"workdir {folder}: cannot be written, {error.strerror}") from error


@contextlib.contextmanager
def locked(folder: Path, *, name: str = "workdir") -> Iterator[None]:
    """Holds the lock of a `name` folder; the operating system releases it with the process.

    Raises:
      InputError: another process holds it, or it is a link, a folder or a pipe.
    """
    path = folder / "lock"
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(f"{name} {folder}: lock is not a regular file; move it away")
    # Opened to append, so that an existing file of this name keeps its contents.
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{name} {folder}: another run is working in it") from error
        yield


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Any]:
    """A binary file that replaces `path` once it is written completely."""
    part = path.with_name(path.name + ".part")
    # A file of an earlier process, or a link, which would be followed.
    part.unlink(missing_ok=True)
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def require_new(path: Path) -> None:
    """Checks that `path` does not exist.

    Raises:
      InputError: it exists.
    """
    if path.exists():
        raise InputError(f"{path}: exists already, wanted the name of a new file")


@contextlib.contextmanager
def fresh(path: Path) -> Iterator[Any]:
    """A new binary file at `path`, which appears once it is written completely.

    Raises:
      InputError: `path` exists, or cannot be written.
    """
    require_new(path)
    try:
        with whole(path) as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot be written, {error.strerror}") from error
