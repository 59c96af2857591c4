"""`open_stack`: opens a stack in any format, recognised by its contents."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.arranged import arranged
from avae_jax.data.formats.bfloat import narrowed, read_as, widened
from avae_jax.data.formats.image_files import SUFFIXES, image_paths
from avae_jax.data.formats.image_folder import open_folder
from avae_jax.data.formats.reading import line_of, path_of, reading
from avae_jax.data.formats.registry import FORMATS, Format, format_of, listed, volume_openers
from avae_jax.data.formats.stack import Stack, checked, spacing_note


@contextlib.contextmanager
def open_stack(text: str, axes: str = "") -> Iterator[Stack]:
    """The stack that `text` names: a file, a folder, `FILE:DATASET` of HDF5, `MESHES:VOXELS`.

    Args:
      axes: of the array in the file (see `data.axes`), by default from its metadata or shape.

    Raises:
      InputError: no such file, an unknown format, or a damaged file.
    """
    with reading(text, "stack"):
        path, choice = _located(text)
        entry = _format_of_folder(path) if path.is_dir() else format_of(path)
    if entry is None:
        raise InputError(f"{path}: none of the known formats; wanted {listed()}")
    if choice and not entry.choice:
        kinds = " and no ".join(f"{name} file" for name, known in FORMATS.items() if known.choice)
        raise InputError(f"{text}: {path} is no {kinds}, so {choice!r} after the colon is unknown")
    with contextlib.ExitStack() as opened:
        with reading(text, "stack"):
            stack = opened.enter_context(entry.open(path, choice) if choice else entry.open(path))
            stack, axes = _as_floats(stack), axes or stack.apart
            stack = checked(arranged(stack, axes) if axes else stack)
        if stack.spacing:
            notes = (*stack.notes, spacing_note(stack.spacing))
            stack = dataclasses.replace(stack, notes=notes)
        yield _careful(stack)


def _as_floats(stack: Stack) -> Stack:
    """`stack` with numbers of a numpy type."""
    dtype = read_as(stack.dtype)
    if dtype == stack.dtype:
        return stack

    def read(start: int, stop: int) -> np.ndarray:
        return widened(stack.read(start, stop), name=stack.name)

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        stack.write(target, (narrowed(part) for part in parts))

    return dataclasses.replace(stack, dtype=dtype, read=read, write=write)


def _careful(stack: Stack) -> Stack:
    """`stack` whose reader raises `InputError` for damage inside of the file."""

    def read(start: int, stop: int) -> np.ndarray:
        with reading(stack.name, "stack"):
            return stack.read(start, stop)

    move = stack.move and _written(stack, stack.move)
    return dataclasses.replace(stack, read=read, write=_written(stack, stack.write), move=move)


def _written(stack: Stack, write: Callable) -> Callable[[Path, Iterable[np.ndarray]], None]:
    """`write` with an `InputError` for every failure of the format."""

    def careful(target: Path, parts: Iterable[np.ndarray]) -> None:
        try:
            write(target, parts)
        except Exception as error:
            # Errors with a number come from the system: a full disk is not a fault of the stack.
            if isinstance(error, InputError) or getattr(error, "errno", None):
                raise
            raise InputError(
                f"{stack.name}: cannot be written again in its format ({line_of(error)})"
            ) from error

    return careful


def _located(text: str) -> tuple[Path, str]:
    """The path of `text`, with a name, and the choice after a colon."""
    whole = path_of(text)
    file, colon, choice = text.rpartition(":")
    if whole.exists() or not colon or not path_of(file).exists():
        return _named(whole), ""
    return _named(path_of(file)), choice


def _named(path: Path) -> Path:
    """`path`, or its real folder if it ends in `.` or `..`."""
    return path if path.name not in ("", "..") else path.resolve()


def _format_of_folder(folder: Path) -> Format:
    """The format of a folder by its files: a folder of meshes only is a stack of meshes."""
    if image_paths(folder, suffixes=(*SUFFIXES, *volume_openers())):
        return Format(open_folder)
    whole = (entry for entry in FORMATS.values() if entry.folders)
    held = (entry for entry in whole if image_paths(folder, suffixes=entry.suffixes))
    return next(held, Format(open_folder))
