"""`idx:DIR`: the four files in which MNIST and its relatives come."""

import math
from pathlib import Path
from typing import BinaryIO

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.arrays import array_examples, with_channels
from avae_jax.data.labels import check_labels, index_labels
from avae_jax.data.packed import open_plain
from avae_jax.data.source import Source, reading, require_held, require_memory

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx_folder(folder: Path) -> Source:
    """Training and test split of the four files in `folder`, plain or `.gz`.

    Raises:
        InputError: names the file that is missing, damaged or does not match.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; one with the four IDX files is wanted")
    images, labels = {}, {}
    for split, (image_name, label_name) in FILES.items():
        image_path, label_path = _find(folder, image_name), _find(folder, label_name)
        images[split], note = with_channels(read_idx(image_path), name=str(image_path))
        labels[split] = check_labels(read_idx(label_path), len(images[split]), name=str(label_path))
    (train, test), names = index_labels(labels["train"], labels["test"])
    return Source(
        array_examples(images["train"], train), array_examples(images["test"], test), names, (note,)
    )


def read_idx(path: Path) -> np.ndarray:
    """The array in one IDX file: two zero bytes, type, rank, big-endian sides, then the values.

    Raises:
        InputError: for anything but exactly the bytes that the header announces.
    """
    with reading(path, "IDX file"), open_plain(path) as stream:
        dtype, shape = read_idx_header(stream, path)
        require_memory(str(path), shape, dtype.itemsize, way_out="use a smaller file")
        size = math.prod(shape) * dtype.itemsize
        require_held(path, size)
        body = stream.read(size + 1)
        if len(body) != size:
            came = "fewer" if len(body) < size else "more"
            raise InputError(f"{path}: {came} bytes than the {size} that its header announces")
        return np.frombuffer(body, dtype).reshape(shape)


def read_idx_header(stream: BinaryIO, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """Type and sides of an IDX file; leaves the stream at the first number.

    Raises:
        InputError: no IDX file, or one that ends within its header.
    """
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES:
        raise InputError(f"{path}: begins with {magic!r}; an IDX file is wanted")
    sides = stream.read(4 * magic[3])
    if len(sides) < 4 * magic[3]:
        raise InputError(f"{path}: ends within its header; a complete IDX file is wanted")
    shape = tuple(int(side) for side in np.frombuffer(sides, ">u4"))
    return np.dtype(DTYPES[magic[2]]), shape


def _find(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    raise InputError(f"{folder}: no {name} and no {name}.gz; all four IDX files are wanted")
