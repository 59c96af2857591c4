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
      axes: what they are in the file (see `data.axes`), by default as it says or as they look.

    Raises:
      InputError: no such file, none of the formats, or a file that is damaged.
    """
    with reading(text, "stack"):
        path, choice = _located(text)
        entry = _format_of_folder(path) if path.is_dir() else format_of(path)
    if entry is None:
        raise InputError(f"{path}: none of the known formats; wanted {listed()}")
    if choice and not entry.choice:
        kinds = " and no ".join(f"{name} file" for name, known in FORMATS.items() if known.choice)
        raise InputError(f"{text}: {path} is no {kinds}, so that {choice!r} in it means nothing")
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
    """`stack`, of numbers that numpy knows."""
    dtype = read_as(stack.dtype)
    if dtype == stack.dtype:
        return stack

    def read(start: int, stop: int) -> np.ndarray:
        return widened(stack.read(start, stop), name=stack.name)

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        stack.write(target, (narrowed(part) for part in parts))

    return dataclasses.replace(stack, dtype=dtype, read=read, write=write)


def _careful(stack: Stack) -> Stack:
    """`stack`, damage in the midst of which is an `InputError` too."""

    def read(start: int, stop: int) -> np.ndarray:
        with reading(stack.name, "stack"):
            return stack.read(start, stop)

    move = stack.move and _written(stack, stack.move)
    return dataclasses.replace(stack, read=read, write=_written(stack, stack.write), move=move)


def _written(stack: Stack, write: Callable) -> Callable[[Path, Iterable[np.ndarray]], None]:
    """`write`, failures of which are an `InputError` as well."""

    def careful(target: Path, parts: Iterable[np.ndarray]) -> None:
        try:
            write(target, parts)
        except Exception as error:
            # With a number it comes from the system: a full disk is no fault of the stack.
            if isinstance(error, InputError) or getattr(error, "errno", None):
                raise
            raise InputError(
                f"{stack.name}: cannot be written again in its format ({line_of(error)})"
            ) from error

    return careful


def _located(text: str) -> tuple[Path, str]:
    """The path, under a name of its own, and, behind a colon, what is chosen of it."""
    whole = path_of(text)
    file, colon, choice = text.rpartition(":")
    if whole.exists() or not colon or not path_of(file).exists():
        return _named(whole), ""
    return _named(path_of(file)), choice


def _named(path: Path) -> Path:
    """`path`, or the folder that it leads to where it ends in `.` or `..`."""
    return path if path.name not in ("", "..") else path.resolve()


def _format_of_folder(folder: Path) -> Format:
    """By the files of a folder: one that holds meshes alone can be no other stack."""
    if image_paths(folder, suffixes=(*SUFFIXES, *volume_openers())):
        return Format(open_folder)
    whole = (entry for entry in FORMATS.values() if entry.folders)
    held = (entry for entry in whole if image_paths(folder, suffixes=entry.suffixes))
    return next(held, Format(open_folder))
