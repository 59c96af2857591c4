"""Stacks in MRC and MRCS files, with their pixel size."""

import contextlib
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.contiguous import Layout, copy_head, reader, write_examples
from avae_jax.data.formats.gzip_files import is_packed
from avae_jax.data.formats.mrc_bytes import FILES, Sign, looked_at, planes_of, stamped
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.reading import reading
from avae_jax.data.formats.stack import Stack, spacing_of, volumes_axes

STACKS = (".mrcs", ".st")
CALLED = (
    "The header calls it one volume: if its sections are images, set data.axes=NHW or rename it "
    "to .mrcs."
)
HEAD, PLACE = 1024, 92  # bytes of the header, and position of the size of the second header


class Head(NamedTuple):
    """Contents of the header of an MRC file.

    Attributes:
      pixel: pixel size on each axis of an example in Angstrom, 0 if unknown.
      called: a message if the sections of a declared volume may be images.
    """

    layout: Layout
    pixel: tuple[float, ...]
    sign: Sign | None
    called: str


@contextlib.contextmanager
def open_mrc(path: Path, sign: Sign | None = None) -> Iterator[Stack]:
    """The images of an MRC file, or its volumes.

    A file whose header declares one volume is one example. `.mrcs` files are stacks of images
    in any case, because many programs do not declare them.

    Args:
      sign: of bytes in a file without a flag for it; by default decided from the bytes.
    """
    layout, pixel, found, called = _head(path, sign)
    with open(path, "rb") as stream:

        def write(target: Path, parts: Iterable[np.ndarray]) -> None:
            seen = Statistics()
            with open(target, "wb") as file:
                copy_head(stream, file, layout)
                write_examples(file, seen.watched(parts), layout)
            note_statistics(target, seen)

        read = reader(stream, layout, name=str(path))
        notes = (*([found.note] if found else []), *([called] if called else []))
        more: dict[str, Any] = {"pixel": pixel, "spacing": spacing_of(pixel), "notes": notes}
        more["apart"] = volumes_axes(layout.shape)
        yield Stack(path, layout.shape, layout.dtype, read, write, **more)


def sign_of(paths: Sequence[Path]) -> Sign | None:
    """The common sign of the bytes of several files, if some of them hold bytes."""
    some = [paths[place] for place in np.unique(np.linspace(0, len(paths) - 1, FILES).astype(int))]
    planes, least, largest = [], math.inf, -math.inf
    for path in some:
        header, layout, _ = _read_header(path)
        if layout.dtype == np.int8:
            planes += planes_of(path, layout.offset, layout.shape)
            least, largest = min(least, float(header.dmin)), max(largest, float(header.dmax))
    return looked_at(planes, least, largest) if planes else None


def _head(path: Path, sign: Sign | None) -> Head:
    header, layout, images = _read_header(path)
    named = dict(zip((1, 2, 3), (_sizes(header)), strict=True))
    # The axes (x, y or z) of sections, rows and columns.
    along = [int(header[name]) for name in ("maps", "mapr", "mapc")]
    sizes = [named[axis] for axis in along] if sorted(along) == [1, 2, 3] else [0.0] * 3
    if layout.dtype == np.int8:
        sign = stamped(path) or sign or sign_of([path])
        layout = layout._replace(dtype=sign.dtype if sign else layout.dtype)
    else:
        sign = None
    called = "" if images or layout.shape[0] > 1 or len(layout.shape) < 4 else CALLED
    return Head(layout, tuple(sizes[1 - len(layout.shape) :]), sign, called)


def _sizes(header: Any) -> list[float]:
    """Pixel size along x, y, z, 0 if unknown."""
    sizes = []
    for axis in "xyz":
        count, length = int(header[f"m{axis}"]), float(header.cella[axis])
        size = length / count if count > 0 else 0.0
        sizes.append(size if size > 0 and math.isfinite(size) else 0.0)
    return sizes


def _read_header(path: Path) -> tuple[Any, Layout, bool]:
    """The header, the layout of the numbers, and whether header or name declare images."""
    mrcfile = library("mrcfile", str(path))
    with reading(path, "MRC file"), warnings.catch_warnings():
        if is_packed(path):
            raise InputError(
                f"{path}: compressed; unpack it with gunzip, a plain MRC file is wanted"
            )
        _require_extension(mrcfile, path)
        warnings.simplefilter("ignore")  # faults are raised as errors
        with mrcfile.open(path, header_only=True, permissive=True) as file:
            header, extended = file.header, file.extended_header
            shape = tuple(map(int, mrcfile.utils.data_shape_from_header(header)))
            dtype = mrcfile.utils.data_dtype_from_header(header)
            offset = int(header.nbytes + extended.nbytes)
            images = int(header.ispg) == 0 or path.suffix.lower() in STACKS
    rank = 3 if len(shape) == 4 or images else 4
    shape = (1,) * (rank - len(shape)) + shape
    return header, Layout(offset, shape, dtype), images


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
        orders = ["<", ">"]  # unknown here: both are tried
    for order in orders:
        size = int(np.frombuffer(head[PLACE : PLACE + 4], order + "i4")[0])
        if not 0 <= size <= held - HEAD:
            raise InputError(f"{path}: announces a second header of {size} bytes, wanted one there")


class Statistics:
    """Minimum, maximum, mean and standard deviation of numbers in parts."""

    def __init__(self):
        self.least, self.largest = math.inf, -math.inf
        self._count, self._sum, self._squares = 0, 0.0, 0.0

    def watched(self, parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """`parts` unchanged, added to the statistics."""
        for part in parts:
            # NaN, where nothing was observed, would make all statistics NaN.
            wide = part[~np.isnan(part)].astype(np.float64)
            self.least = min(self.least, float(wide.min(initial=math.inf)))
            self.largest = max(self.largest, float(wide.max(initial=-math.inf)))
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


def note_statistics(path: Path, seen: Statistics) -> None:
    """Writes the statistics of the new numbers into the copied header."""
    mrcfile = library("mrcfile", str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mrcfile.mmap(path, mode="r+", permissive=True) as file:
            file.header.dmin, file.header.dmax = seen.least, seen.largest
            file.header.dmean, file.header.rms = seen.mean, seen.deviation
