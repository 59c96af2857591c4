"""Which format a file is in: by what it contains, so that a wrong name does not matter."""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.arranged import arranged
from avae_jax.data.formats.bfloat import narrowed, read_as, widened
from avae_jax.data.formats.gzip_files import open_plain
from avae_jax.data.formats.hdf5 import open_hdf5
from avae_jax.data.formats.idx import open_idx
from avae_jax.data.formats.image_files import SUFFIXES, image_paths
from avae_jax.data.formats.image_folder import open_folder
from avae_jax.data.formats.mesh_files import SUFFIXES as MESHES
from avae_jax.data.formats.mesh_folder import open_meshes
from avae_jax.data.formats.mrc import open_mrc
from avae_jax.data.formats.nifti import open_nifti
from avae_jax.data.formats.npy import open_npy
from avae_jax.data.formats.npz import open_npz
from avae_jax.data.formats.reading import line_of, path_of, reading
from avae_jax.data.formats.relion_particles import SUFFIX as STAR
from avae_jax.data.formats.stack import Stack, checked, spacing_note
from avae_jax.data.formats.star import open_star
from avae_jax.data.formats.tiff import open_tiff
from avae_jax.data.formats.volume_folder import VOLUMES

FORMATS = (
    "npy, npz, IDX, TIFF, HDF5, MRC, STAR, NIfTI, OFF, OBJ, STL, or a folder of PNG, JPEG, TIFF, "
    "BMP, MRC, NIfTI or mesh files"
)
HEAD = 352  # bytes that tell every format from the others
HDF5 = b"\x89HDF\r\n\x1a\n"
# HDF5 may stand behind a block of another program's, of 512 bytes or a doubling of them.
BLOCKS = tuple(2**power for power in range(9, 25))
OLD_MATLAB = b"MATLAB 5.0 MAT-file"
BEGINNINGS: dict[bytes, Callable] = {
    b"\x93NUMPY": open_npy,
    b"PK": open_npz,
    b"II*\0": open_tiff,
    b"MM\0*": open_tiff,
    b"II+\0": open_tiff,
    b"MM\0+": open_tiff,
    HDF5: open_hdf5,
}
# Where the magic of a format stands further inside.
INSIDE: tuple[tuple[int, tuple[bytes, ...], Callable], ...] = (
    (208, (b"MAP ",), open_mrc),
    (344, (b"n+1\0",), open_nifti),
    (4, (b"n+2\0",), open_nifti),
)
# Comments and empty lines, then the name of a block alone on its line.
STAR_HEAD = re.compile(rb"(\s*#[^\n]*\n|\s*\n)*\s*data_\w*[ \t\r]*\n")
OLD_MRC = (".mrc", ".mrcs", ".map", ".st")
# Openers that can do with what stands behind a colon.
CHOOSING = (open_hdf5, open_meshes)


@contextlib.contextmanager
def open_stack(text: str, axes: str = "") -> Iterator[Stack]:
    """The stack that `text` names: a file, a folder, `FILE:DATASET` of HDF5, `MESHES:VOXELS`.

    Args:
      axes: what they are in the file (see `data.axes`), by default as it says or as they look.

    Raises:
      InputError: no such file, none of the formats, or a file that is damaged.
    """
    path, choice = _located(text)
    opener = _folder_opener(path) if path.is_dir() else _opener(path)
    if choice and opener not in CHOOSING:
        raise InputError(
            f"{text}: {path} is no HDF5 file and no meshes, so that {choice!r} in it means nothing"
        )
    with contextlib.ExitStack() as opened:
        with reading(text, "stack"):
            stack = opened.enter_context(opener(path, choice) if choice else opener(path))
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


def _folder_opener(folder: Path) -> Callable:
    """By its files: a folder of meshes alone holds nothing else that could be a stack."""
    held = [bool(image_paths(folder, suffixes=some)) for some in (SUFFIXES, tuple(VOLUMES), MESHES)]
    return open_meshes if held == [False, False, True] else open_folder


def _opener(path: Path) -> Callable:
    with reading(path, f"stack ({FORMATS})"), open_plain(path) as stream:
        head = stream.read(HEAD)
    for begins, opener in BEGINNINGS.items():
        if head.startswith(begins):
            return opener
    for place, marks, opener in INSIDE:
        if head[place : place + 4] in marks:
            return opener
    if _is_hdf5_inside(path):
        return open_hdf5
    if path.suffix.lower() in MESHES:
        return open_meshes
    if path.suffix.lower() == STAR or STAR_HEAD.match(head):
        return open_star
    if path.suffix.lower() in OLD_MRC:
        return open_mrc
    # Two zero bytes, then the code of a type and a number of axes.
    if head[:2] == b"\0\0" and len(head) > 4 and head[2] >= 8 and head[3] >= 1:
        return open_idx
    if head.startswith(OLD_MATLAB):
        raise InputError(f"{path}: an old MATLAB file; one saved with save(..., '-v7.3') is wanted")
    raise InputError(f"{path}: none of the known formats; wanted {FORMATS}")


def _is_hdf5_inside(path: Path) -> bool:
    """Whether HDF5 begins behind a block of another program's, as in files of MATLAB 7.3."""
    size = path.stat().st_size
    with reading(path, "HDF5 file"), open(path, "rb") as stream:
        for start in (block for block in BLOCKS if block < size):
            stream.seek(start)
            if stream.read(len(HDF5)) == HDF5:
                return True
    return False
