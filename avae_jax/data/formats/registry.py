"""Registry of stack formats: `FORMATS` holds detection and opener of each."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from avae_jax.core.errors import InputError
from avae_jax.data.formats.gzip_files import open_plain
from avae_jax.data.formats.hdf5 import open_hdf5
from avae_jax.data.formats.idx import open_idx
from avae_jax.data.formats.mesh_files import SUFFIXES as MESHES
from avae_jax.data.formats.mesh_folder import open_meshes
from avae_jax.data.formats.mrc import open_mrc
from avae_jax.data.formats.nifti import open_nifti
from avae_jax.data.formats.npy import open_npy
from avae_jax.data.formats.npz import open_npz
from avae_jax.data.formats.reading import reading
from avae_jax.data.formats.relion_particles import SUFFIX as STAR
from avae_jax.data.formats.stack import Stack
from avae_jax.data.formats.star import open_star
from avae_jax.data.formats.tiff import open_tiff

Opener = Callable[..., AbstractContextManager[Stack]]
HEAD = 352  # bytes that identify every format
HDF5 = b"\x89HDF\r\n\x1a\n"
# HDF5 may begin after a block of another program, of 512 bytes times a power of two.
BLOCKS = tuple(2**power for power in range(9, 25))
OLD_MATLAB = b"MATLAB 5.0 MAT-file"
# Comments and empty lines, then a line with only the name of a block.
STAR_HEAD = re.compile(rb"(\s*#[^\n]*\n|\s*\n)*\s*data_\w*[ \t\r]*\n")


class Format(NamedTuple):
    """Detection and opener of one format.

    The contents of a file identify its format, so that a wrong name does not matter; the
    suffix identifies formats without marks in the contents.

    Attributes:
      open: context `path -> Stack`; `(path, choice)` for a format with a `choice`.
      beginnings: possible first bytes of a file.
      inside: (offset, bytes) of a mark further inside.
      suffixes: of files without such marks, in lower case.
      recognises: `(path, head) -> bool`, for a format without fixed bytes.
      choice: meaning of the text after a colon behind the path, for example `DATASET`.
      in_folder: suffixes of files of one example each in a folder.
      folders: whether `open` also takes a folder of files with its `suffixes`.
    """

    open: Opener
    beginnings: tuple[bytes, ...] = ()
    inside: tuple[tuple[int, bytes], ...] = ()
    suffixes: tuple[str, ...] = ()
    recognises: Callable[[Path, bytes], bool] | None = None
    choice: str = ""
    in_folder: tuple[str, ...] = ()
    folders: bool = False


def _is_idx(path: Path, head: bytes) -> bool:
    """Whether a file begins with two zero bytes, the code of a type and a number of axes."""
    del path
    return head[:2] == b"\0\0" and len(head) > 4 and head[2] >= 8 and head[3] >= 1


def _is_star(path: Path, head: bytes) -> bool:
    del path
    return STAR_HEAD.match(head) is not None


def _is_hdf5_inside(path: Path, head: bytes) -> bool:
    """Whether HDF5 begins after a block of another program, as in files of MATLAB 7.3."""
    del head
    size = path.stat().st_size
    with reading(path, "HDF5 file"), open(path, "rb") as stream:
        for start in (block for block in BLOCKS if block < size):
            stream.seek(start)
            if stream.read(len(HDF5)) == HDF5:
                return True
    return False


FORMATS = {
    "npy": Format(open_npy, beginnings=(b"\x93NUMPY",)),
    "npz": Format(open_npz, beginnings=(b"PK",)),
    "IDX": Format(open_idx, recognises=_is_idx),
    "TIFF": Format(open_tiff, beginnings=(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    "HDF5": Format(open_hdf5, beginnings=(HDF5,), recognises=_is_hdf5_inside, choice="DATASET"),
    "STAR": Format(open_star, suffixes=(STAR,), recognises=_is_star),
    "MRC": Format(
        open_mrc,
        inside=((208, b"MAP "),),
        suffixes=(".mrc", ".mrcs", ".map", ".st"),
        in_folder=(".mrc", ".map"),
    ),
    "NIfTI": Format(
        open_nifti, inside=((344, b"n+1\0"), (4, b"n+2\0")), in_folder=(".nii", ".nii.gz")
    ),
    "mesh": Format(open_meshes, suffixes=MESHES, choice="VOXELS", folders=True),
}


def listed() -> str:
    """The formats in words, for an error message."""
    inside = [name for name, entry in FORMATS.items() if entry.in_folder or entry.folders]
    return f"{', '.join(FORMATS)}, or a folder of PNG, JPEG, TIFF, BMP, {', '.join(inside)} files"


def format_of(path: Path) -> Format | None:
    """The format of a file, None if unknown.

    Raises:
      InputError: the file cannot be read, or an old MATLAB wrote it.
    """
    with reading(path, f"stack ({listed()})"), open_plain(path) as stream:
        head = stream.read(HEAD)
    suffix = path.suffix.lower()
    tests: tuple[Callable[[Format], bool], ...] = (
        lambda entry: head.startswith(entry.beginnings),
        lambda entry: any(head[at:].startswith(mark) for at, mark in entry.inside),
        lambda entry: suffix in entry.suffixes,
        lambda entry: entry.recognises is not None and entry.recognises(path, head),
    )
    hits = (entry for test in tests for entry in FORMATS.values() if test(entry))
    found = next(hits, None)
    if found is None and head.startswith(OLD_MATLAB):
        raise InputError(f"{path}: an old MATLAB file; one saved with save(..., '-v7.3') is wanted")
    return found


def volume_openers() -> dict[str, Opener]:
    """The opener for each suffix of files of one example each in a folder."""
    return {suffix: entry.open for entry in FORMATS.values() for suffix in entry.in_folder}
