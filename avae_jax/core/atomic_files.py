"""Locked directories, and files that are written whole or not at all."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avae_jax.core.errors import InputError


@contextlib.contextmanager
def refused(folder: Path) -> Iterator[None]:
    """Turns a failure to write in `folder` into an `InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"workdir {folder}: cannot be written, {error.strerror}") from error


@contextlib.contextmanager
def locked(folder: Path, *, name: str = "workdir") -> Iterator[None]:
    """Holds the lock of a `name` folder; the operating system lets go of it with the process.

    Raises:
      InputError: another process holds it, or it is a link, a folder or a pipe.
    """
    path = folder / "lock"
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(f"{name} {folder}: lock is no regular file; move it away")
    # Opened to append, so that a file of that name keeps whatever it holds.
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{name} {folder}: another run is working in it") from error
        yield


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Any]:
    """A binary file that takes the place of `path` once it is written whole."""
    part = path.with_name(path.name + ".part")
    # What an earlier process left, or a link, which would be followed.
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
    """Checks that nothing is at `path` yet.

    Raises:
      InputError: something is.
    """
    if path.exists():
        raise InputError(f"{path}: exists already, wanted the name of a new file")


@contextlib.contextmanager
def fresh(path: Path) -> Iterator[Any]:
    """A binary file at `path`, where nothing is yet; it appears once it is written whole.

    Raises:
      InputError: something is there, or it cannot be written.
    """
    require_new(path)
    try:
        with whole(path) as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot be written, {error.strerror}") from error
