"""Headers of IDX files."""

from pathlib import Path
from typing import IO

import numpy as np

from avae_jax.core.errors import InputError

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx_header(stream: IO[bytes], path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """Type and shape of an IDX file; leaves the stream at the first number.

    Raises:
        InputError: not an IDX file, or an incomplete header.
    """
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES:
        raise InputError(f"{path}: begins with {magic!r}; an IDX file is wanted")
    sides = stream.read(4 * magic[3])
    if len(sides) < 4 * magic[3]:
        raise InputError(f"{path}: ends within its header; a complete IDX file is wanted")
    shape = tuple(int(side) for side in np.frombuffer(sides, ">u4"))
    return np.dtype(DTYPES[magic[2]]), shape
