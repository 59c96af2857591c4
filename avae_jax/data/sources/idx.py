"""`idx:DIR`: the four IDX files of MNIST and similar data sets."""

import math
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.gzip_files import open_plain
from avae_jax.data.formats.idx_header import read_idx_header
from avae_jax.data.formats.npy_header import with_channels
from avae_jax.data.formats.reading import reading, require_held, require_memory
from avae_jax.data.sources.arrays import array_examples
from avae_jax.data.sources.base import Source
from avae_jax.data.sources.labels import check_labels, index_labels

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


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


def _find(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    raise InputError(f"{folder}: no {name} and no {name}.gz; all four IDX files are wanted")
