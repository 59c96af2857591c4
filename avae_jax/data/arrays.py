"""`npz:PATH` and `npy:PATH`: arrays of images or volumes, and the one rule about their axes."""

import math
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from avae_jax.data.labels import check_labels, index_labels
from avae_jax.data.source import Examples, Source, describe, reading, require_memory
from avae_jax.data.values import require_numbers
from avae_jax.errors import InputError

MOST_CHANNELS = 4  # a last axis of rank-4 arrays up to this long is read as channels
NAMES = ("images", "volumes")
LABELS = "labels"
RANKS = "[N, H, W], [N, H, W, C], [N, D, H, W] or [N, D, H, W, C]"


class Header(NamedTuple):
    """Shape and dtype of a member of an npz file."""

    shape: tuple[int, ...]
    dtype: np.dtype


def read_npy(path: Path) -> Source:
    """The images or volumes of a `.npy` file; only the examples asked for are read."""
    with reading(path, "npy file of images or volumes"):
        _check_magic(path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array_source(array, None, name=str(path))


def read_npz(path: Path) -> Source:
    """The images or volumes of a `.npz` file, and its `labels` if there are any.

    They are the only array of rank 3 or more, else the one named `images` or `volumes`.
    """
    with reading(path, "npz archive"):
        headers = _headers(path)
        chosen = _choose(headers, name=str(path))
        require_numbers(headers[chosen].dtype, name=f"{path}: {chosen}")
        with np.load(path, allow_pickle=False) as archive:
            array = archive[chosen]
            labels = archive[LABELS] if LABELS in headers and chosen != LABELS else None
    return array_source(array, labels, name=f"{path}: {chosen}")


def array_source(array: np.ndarray, labels: np.ndarray | None, *, name: str) -> Source:
    """One array without a split of its own.

    Raises:
        InputError: for a wrong rank or dtype, and labels that do not match.
    """
    images, note = with_channels(array, name=name)
    if labels is None:
        return Source(array_examples(images, None), None, (), (note,))
    check_labels(labels, len(images), name=name)
    (indices,), names = index_labels(labels)
    return Source(array_examples(images, indices), None, names, (note,))


def array_examples(images: np.ndarray, labels: np.ndarray | None) -> Examples:
    """Examples of `[N, *S, C]`, in memory or mapped."""

    def read(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return np.asarray(images[indices]), None if labels is None else labels[indices]

    return Examples(len(images), read)


def with_channels(array: np.ndarray, *, name: str) -> tuple[np.ndarray, str]:
    """Finds out which axes are spatial.

    Rank 3 is `[N, H, W]`, rank 5 `[N, D, H, W, C]`; rank 4 is `[N, H, W, C]` if the last
    axis is at most 4 long, else `[N, D, H, W]`.

    Returns:
        `[N, *S, C]` and a sentence that says how the axes were read.

    Raises:
        InputError: for another rank or a dtype that is no number.
    """
    require_numbers(array.dtype, name=name)
    if array.ndim not in (3, 4, 5):
        raise InputError(f"{name}: an array of shape {array.shape}; {RANKS} is wanted")
    shape = describe(array.shape[1:])
    if array.ndim == 3:
        return array[..., None], f"{shape} is read as images of one channel."
    if array.ndim == 5:
        return array, f"{shape} is read as volumes, the last axis as channels."
    if array.shape[-1] <= MOST_CHANNELS:
        return array, (
            f"{shape} is read as images, the last axis as channels "
            "(add a last axis of length 1 if they are volumes)."
        )
    return array[..., None], f"{shape} is read as volumes of one channel."


def _check_magic(path: Path) -> None:
    # `np.load` would take any other file for a pickle, or for an archive that it leaves open.
    with open(path, "rb") as stream:
        magic = stream.read(len(np.lib.format.MAGIC_PREFIX))
    if magic.startswith(b"PK"):
        raise InputError(f"{path}: a zip archive; say npz:{path} if it is one of arrays")
    if magic != np.lib.format.MAGIC_PREFIX:
        raise InputError(f"{path}: begins with {magic!r}; an npy file is wanted")


def _headers(path: Path) -> dict[str, Header]:
    """What every array of the archive says it is, checked before any of it is unpacked."""
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        return {
            info.filename.removesuffix(".npy"): _header(archive, info, name=str(path))
            for info in members
        }


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, name: str) -> Header:
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise InputError(f"{name}: {info.filename} is an array of records; numbers are wanted")
        shape, _, dtype = read(member)
        start = member.tell()
    require_memory(
        f"{name}: {info.filename}", shape, dtype.itemsize, way_out="save a smaller array"
    )
    if not dtype.hasobject and info.file_size != start + math.prod(shape) * dtype.itemsize:
        raise InputError(
            f"{name}: {info.filename} does not hold as many bytes as its header says; "
            "a complete npz archive is wanted"
        )
    return Header(shape, dtype)


def _choose(headers: dict[str, Header], *, name: str) -> str:
    """The name of the array of images or volumes."""
    candidates = [key for key, header in headers.items() if len(header.shape) >= 3]
    if len(candidates) == 1:
        return candidates[0]
    named = [key for key in candidates if key in NAMES]
    if len(named) == 1:
        return named[0]
    found = ", ".join(f"{key} {h.shape} {h.dtype}" for key, h in headers.items()) or "nothing"
    raise InputError(
        f"{name}: holds {found}; exactly one array of rank 3 or more is wanted, "
        "or one of them named images or volumes"
    )
