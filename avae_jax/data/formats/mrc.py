"""Stacks in MRC and MRCS files, as electron microscopy writes them, with their pixel size."""

import contextlib
import math
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.contiguous import Layout, copy_head, reader, write_examples
from avae_jax.data.formats.gzip_files import is_packed
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.reading import reading
from avae_jax.data.formats.stack import Stack

STACKS = (".mrcs", ".st")
HEAD, PLACE = 1024, 92  # bytes of the header, and where it says the size of the second


@contextlib.contextmanager
def open_mrc(path: Path) -> Iterator[Stack]:
    """The images of an MRC file, or its volumes.

    A file that says that it is one volume counts as one example, unless it is called
    `.mrcs`, which many programs write without saying that they are stacks of images.
    """
    layout, pixel = _layout(path)
    with open(path, "rb") as stream:

        def write(target: Path, parts: Iterable[np.ndarray]) -> None:
            seen = _Statistics()
            with open(target, "wb") as file:
                copy_head(stream, file, layout)
                write_examples(file, seen.watched(parts), layout)
            _note_statistics(target, seen)

        read = reader(stream, layout, name=str(path))
        yield Stack(path, layout.shape, layout.dtype, read, write, pixel=pixel)


def _layout(path: Path) -> tuple[Layout, tuple[float, ...]]:
    """Where the numbers are, and the size of a pixel on each axis of an example."""
    mrcfile = library("mrcfile", str(path))
    with reading(path, "MRC file"), warnings.catch_warnings():
        if is_packed(path):
            raise InputError(f"{path}: compressed; an MRC file that gunzip has unpacked is wanted")
        _require_extension(mrcfile, path)
        warnings.simplefilter("ignore")  # what matters comes as an error
        with mrcfile.open(path, header_only=True, permissive=True) as file:
            header, extended = file.header, file.extended_header
            shape = tuple(map(int, mrcfile.utils.data_shape_from_header(header)))
            dtype = mrcfile.utils.data_dtype_from_header(header)
            offset = int(header.nbytes + extended.nbytes)
            images = int(header.ispg) == 0 or path.suffix.lower() in STACKS
            sizes = [float(file.voxel_size[axis]) for axis in "zyx"]
    rank = 3 if len(shape) == 4 or images else 4
    shape = (1,) * (rank - len(shape)) + shape
    sizes = [size if size > 0 and math.isfinite(size) else 0.0 for size in sizes]
    return Layout(offset, shape, dtype), tuple(sizes[1 - len(shape) :])


def _require_extension(mrcfile: Any, path: Path) -> None:
    """Checks that the file holds the second header that the first one announces."""
    with open(path, "rb") as stream:
        head, held = stream.read(HEAD), path.stat().st_size
    if len(head) < HEAD:
        raise InputError(f"{path}: ends within its header; a complete MRC file is wanted")
    plain = np.frombuffer(head, mrcfile.dtypes.HEADER_DTYPE)[0]
    try:
        orders = [mrcfile.utils.byte_order_from_machine_stamp(plain["machst"])]
    except ValueError:
        orders = ["<", ">"]  # whichever it is then found to be
    for order in orders:
        size = int(np.frombuffer(head[PLACE : PLACE + 4], order + "i4")[0])
        if not 0 <= size <= held - HEAD:
            raise InputError(f"{path}: announces a second header of {size} bytes, wanted one there")


class _Statistics:
    """Least, largest, mean and deviation of numbers that come in parts."""

    def __init__(self):
        self.least, self.largest = math.inf, -math.inf
        self._count, self._sum, self._squares = 0, 0.0, 0.0

    def watched(self, parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """`parts` unchanged, taken note of."""
        for part in parts:
            wide = part.astype(np.float64)
            self.least = min(self.least, float(wide.min()))
            self.largest = max(self.largest, float(wide.max()))
            self._count += wide.size
            self._sum += float(wide.sum())
            self._squares += float((wide * wide).sum())
            yield part

    @property
    def mean(self) -> float:
        """The mean."""
        return self._sum / self._count

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        return math.sqrt(max(self._squares / self._count - self.mean**2, 0.0))


def _note_statistics(path: Path, seen: _Statistics) -> None:
    """Puts the statistics of the new numbers into the header, which was copied."""
    mrcfile = library("mrcfile", str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mrcfile.mmap(path, mode="r+", permissive=True) as file:
            file.header.dmin, file.header.dmax = seen.least, seen.largest
            file.header.dmean, file.header.rms = seen.mean, seen.deviation
