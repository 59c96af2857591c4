"""Snapshots of training: one npz file each, named by its step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.core.atomic_files import whole
from avae_jax.core.errors import InputError

# Memory of one snapshot; poses of thousands of examples take far less.
MOST_BYTES = 2**28


def save(folder: Path, step: int, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the arrays of `step` atomically."""
    folder.mkdir(exist_ok=True)
    with whole(folder / f"{step:08d}.npz") as file:
        np.savez(file, **arrays)


def plain(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """`arrays` as NumPy arrays of numbers or texts.

    Raises:
      ValueError: an array holds objects.
    """
    made = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in made.items():
        if array.dtype.hasobject:
            raise ValueError(f"moment {name}: {array.dtype} array, wanted numbers or texts")
    return made


def files(folder: Path) -> list[tuple[int, Path]]:
    """(step, file) of every snapshot, by step; files with other names are ignored."""
    named = (path for path in folder.glob("*.npz") if len(path.stem) == 8)
    return sorted((int(path.stem), path) for path in named if path.stem.isdecimal())


def load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of one snapshot.

    Raises:
      InputError: the file is truncated or garbled, or unpacks to more than `MOST_BYTES`.
    """
    from avae_jax.data.formats.npy_header import npz_headers

    try:
        headers = npz_headers(path)
        if sum(header.bytes for header in headers.values()) > MOST_BYTES:
            raise InputError(f"more than {MOST_BYTES} bytes")
        # Opened here, because numpy does not close a file that it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in headers}
    except Exception as error:  # zipfile, zlib and numpy raise their own exceptions
        raise InputError(f"moment {path}: truncated or garbled, {error}") from error
