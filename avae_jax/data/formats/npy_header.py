"""Headers of npy files and npz members, and the rule for the axes of an array."""

import math
import zipfile
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.axes import hint, require_axes, standard
from avae_jax.data.formats.reading import MAX_BYTES, describe, require_numbers

MOST_CHANNELS = 4  # a last axis of rank-4 arrays up to this long is read as channels


NAMES = ("images", "volumes")


RANKS = "[N, H, W], [N, H, W, C], [N, D, H, W] or [N, D, H, W, C]"


class Header(NamedTuple):
    """Type and shape of the array in an npy file or a member of an npz file."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool = False  # the first axis varies fastest

    @property
    def bytes(self) -> int:
        """Size of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def with_channels(array: np.ndarray, *, name: str, axes: str = "") -> tuple[np.ndarray, str]:
    """Determines the spatial axes.

    Rank 3 is `[N, H, W]`, rank 5 `[N, D, H, W, C]`; rank 4 is `[N, H, W, C]` if the last
    axis is at most 4 long, else `[N, D, H, W]`.

    Args:
        axes: the letters of `data.axes`, if set.

    Returns:
        `[N, *S, C]` and a message about the reading of the axes.

    Raises:
        InputError: another rank, or a dtype that is not numeric.
    """
    require_numbers(array.dtype, name=name)
    if axes:
        require_axes(axes, array.shape, name=name)
        images = standard(array, axes)
        return images, f"{describe(images.shape[1:])} is read by data.axes={axes}, channels last."
    if array.ndim not in (3, 4, 5):
        raise InputError(f"{name}: an array of shape {array.shape}; {RANKS} is wanted")
    shape = describe(array.shape[1:])
    if 0 in array.shape[1:]:
        raise InputError(
            f"{name}: examples of {shape}; sides of at least 1 and at least one channel are wanted"
        )
    if array.ndim == 3:
        return array[..., None], f"{shape} is read as images of one channel{hint(array.shape)}."
    if array.ndim == 5:
        said = f"{shape} is read as volumes, the last axis as channels{hint(array.shape)}."
        return array, said
    if array.shape[-1] <= MOST_CHANNELS:
        return array, (
            f"{shape} is read as images, the last axis as channels "
            "(add a last axis of length 1 if they are volumes)."
        )
    return array[..., None], f"{shape} is read as volumes of one channel{hint(array.shape)}."


def check_magic(path: Path) -> None:
    """Raises an `InputError` for a file without the magic bytes of an npy file."""
    # `np.load` would treat any other file as a pickle, or as an archive that it leaves open.
    with open(path, "rb") as stream:
        magic = stream.read(len(np.lib.format.MAGIC_PREFIX))
    if magic != np.lib.format.MAGIC_PREFIX:
        raise InputError(f"{path}: begins with {magic!r}; an npy file is wanted")


def npz_headers(path: Path) -> dict[str, Header]:
    """The headers of all arrays of the archive, checked before any of it is decompressed.

    Raises:
        InputError: arrays of records, and members with more or fewer bytes than announced.
    """
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        return {
            info.filename.removesuffix(".npy"): _header(archive, info, name=str(path))
            for info in members
        }


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, name: str) -> Header:
    with archive.open(info) as member:
        header = read_header(member, name=f"{name}: {info.filename}")
        start = member.tell()
    size, plain = header.bytes, not header.dtype.hasobject
    if size <= MAX_BYTES and plain and info.file_size != start + size:
        raise InputError(
            f"{name}: {info.filename} does not hold as many bytes as its header says; "
            "a complete npz archive is wanted"
        )
    return header


def read_header(stream: IO[bytes], *, name: str) -> Header:
    """The header of an npy file; leaves the stream at the first number.

    Raises:
        InputError: an array of records.
    """
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise InputError(f"{name} is an array of records; numbers are wanted")
    shape, fortran, dtype = read(stream)
    return Header(shape, dtype, fortran)


def choose_array(headers: dict[str, Header], *, name: str) -> str:
    """The name of the array of images or volumes.

    Raises:
        InputError: none, or several of which none is called images or volumes.
    """
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
