"""The formats of stacks: `FORMATS` holds an entry for each, with all that finds and opens it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

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
from avae_jax.data.formats.stack import Stack
from avae_jax.data.formats.tiff import open_tiff

Opener = Callable[..., AbstractContextManager[Stack]]
HEAD = 352  # bytes that tell every format from the others


class Format(NamedTuple):
    """How files of one format are recognised and opened.

    A file is recognised by its contents, so that a wrong name does not matter; by its suffix
    where the contents say nothing.

    Attributes:
      open: `path -> Stack` as a context; `(path, choice)` where a `choice` can be made.
      beginnings: the first bytes of a file, one of these.
      inside: (offset, bytes) where the format is marked further inside.
      suffixes: of files that neither of these marks, in lower case.
      recognises: `head -> bool`, for a format that no fixed bytes mark.
      choice: what may stand behind a colon after the path, such as `DATASET`.
      in_folder: suffixes of files of which a folder can hold one for each example.
      folders: whether `open` takes a folder of files with its `suffixes` too.
    """

    open: Opener
    beginnings: tuple[bytes, ...] = ()
    inside: tuple[tuple[int, bytes], ...] = ()
    suffixes: tuple[str, ...] = ()
    recognises: Callable[[bytes], bool] | None = None
    choice: str = ""
    in_folder: tuple[str, ...] = ()
    folders: bool = False


def _is_idx(head: bytes) -> bool:
    """Two zero bytes, then the code of a type and a number of axes."""
    return head[:2] == b"\0\0" and len(head) > 4 and head[2] >= 8 and head[3] >= 1


FORMATS = {
    "npy": Format(open_npy, beginnings=(b"\x93NUMPY",)),
    "npz": Format(open_npz, beginnings=(b"PK",)),
    "IDX": Format(open_idx, recognises=_is_idx),
    "TIFF": Format(open_tiff, beginnings=(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    "HDF5": Format(open_hdf5, beginnings=(b"\x89HDF\r\n\x1a\n",), choice="DATASET"),
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
    """The formats in words, for a sentence that says what is wanted."""
    inside = [name for name, entry in FORMATS.items() if entry.in_folder or entry.folders]
    return f"{', '.join(FORMATS)}, or a folder of PNG, JPEG, TIFF, {', '.join(inside)} files"


def format_of(path: Path) -> Format | None:
    """The format of a file, None if it is in none of them.

    Raises:
      InputError: the file cannot be read.
    """
    with reading(path, f"stack ({listed()})"), open_plain(path) as stream:
        head = stream.read(HEAD)
    suffix = path.suffix.lower()
    tests: tuple[Callable[[Format], bool], ...] = (
        lambda entry: head.startswith(entry.beginnings),
        lambda entry: any(head[at:].startswith(mark) for at, mark in entry.inside),
        lambda entry: suffix in entry.suffixes,
        lambda entry: entry.recognises is not None and entry.recognises(head),
    )
    hits = (entry for test in tests for entry in FORMATS.values() if test(entry))
    return next(hits, None)


def volume_openers() -> dict[str, Opener]:
    """The opener for each suffix of files that a folder can hold one an example."""
    return {suffix: entry.open for entry in FORMATS.values() for suffix in entry.in_folder}
