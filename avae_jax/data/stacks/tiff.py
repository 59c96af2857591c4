"""Stacks in TIFF files: one page, or as many as a volume has slices, for each example."""

import contextlib
import math
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.data.source import describe, reading
from avae_jax.data.stacks.contiguous import Layout, reader
from avae_jax.data.stacks.extras import library
from avae_jax.data.stacks.stack import Stack, spacing_of
from avae_jax.data.stacks.tiff_sizes import sizes
from avae_jax.errors import InputError

PALETTE = 3
# Programs that write the meaning of the axes into the description, by tifffile's names.
DIALECTS = {"imagej": {"imagej": True}, "ome": {"ome": True}, "shaped": {}}


@contextlib.contextmanager
def open_tiff(path: Path) -> Iterator[Stack]:
    """The pages of a TIFF file along their first axis.

    Raises:
      InputError: a single image, pages that differ, colour tables, channels apart from pixels.
    """
    tifffile = library("tifffile", str(path))
    with contextlib.ExitStack() as opened:
        with reading(path, "TIFF file"):
            _require_end(path)
            # What is said to continue in other files is not looked for there.
            tiff = opened.enter_context(tifffile.TiffFile(path, _multifile=False))
            series = tiff.series[0]
            _check(tiff, path)
            dtype = series.dtype.newbyteorder(tiff.byteorder)
            spacing = spacing_of(sizes(tiff))

        def write(target: Path, parts: Iterable[np.ndarray]) -> None:
            big = math.prod(series.shape) * dtype.itemsize > 2**31
            dialect = DIALECTS.get(series.kind, {})
            bigtiff = (tiff.is_bigtiff or big) and "imagej" not in dialect
            how = {"bigtiff": bigtiff, "byteorder": tiff.byteorder, **dialect}
            with tifffile.TiffWriter(target, **how) as file:
                file.write(_pages(parts, series), **_like(series))

        if series.dataoffset is None:
            read = _decoded(tiff, dtype, path)
        else:
            stream = opened.enter_context(open(path, "rb"))
            read = reader(stream, Layout(series.dataoffset, series.shape, dtype), name=str(path))
        more = {"apart": _apart(series.axes), "spacing": spacing}
        yield Stack(path, series.shape, dtype, read, write, **more)


def _apart(axes: str) -> str:
    """`data.axes` of pages along channels, nothing where there are none."""
    inner = axes[1:]
    if "C" not in inner or len(inner) > 4:
        return ""
    letters = {"C": "C", "Y": "H", "X": "W"}
    return "N" + "".join(letters.get(letter, "D") for letter in inner)


def _require_end(path: Path) -> None:
    """Checks that the chain of pages ends: one that comes back to itself has no last page."""
    with open(path, "rb") as stream:
        head = stream.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = head[2:4] in (b"+\0", b"\0+")
        count, entry, place = ("Q", 20, "Q") if big else ("H", 12, "I")
        (offset,) = struct.unpack_from(order + place, head, 8 if big else 4)
        seen: set[int] = set()
        while offset and offset not in seen:
            seen.add(offset)
            stream.seek(offset)
            entries = stream.read(struct.calcsize(count)).ljust(8, b"\0")
            stream.seek(entry * struct.unpack_from(order + count, entries)[0], os.SEEK_CUR)
            # What ends before its end is for the library to judge.
            (offset,) = struct.unpack_from(order + place, stream.read(8).ljust(8, b"\0"))
    if offset:
        raise InputError(f"{path}: a chain of pages without end; one that ends is wanted")


def _check(tiff: Any, path: Path) -> None:
    series = tiff.series[0]
    inner = series.axes[1:].removesuffix("S")
    if len(tiff.series) > 1:
        shapes = ", ".join(describe(one.shape) for one in tiff.series[:3])
        raise InputError(f"{path}: pages that differ ({shapes}); pages of one kind are wanted")
    if not inner.endswith("YX"):
        raise InputError(
            f"{path}: {describe(series.shape)} with axes {series.axes}; a stack of images or "
            "volumes is wanted, or a folder where every file is one image"
        )
    if "S" in inner or ("C" in inner and series.axes.endswith("S")):
        raise InputError(
            f"{path}: axes {series.axes}, channels apart from pixels; channels in the last axis "
            "are wanted"
        )
    if int(series.keyframe.photometric) == PALETTE:
        raise InputError(f"{path}: numbers of a colour table; grey values or colours are wanted")


def _decoded(tiff: Any, dtype: np.dtype, path: Path) -> Callable[[int, int], np.ndarray]:
    """Reads pages that are compressed or lie scattered."""
    series = tiff.series[0]
    each, size = len(series.pages) // series.shape[0], path.stat().st_size

    def read(start: int, stop: int) -> np.ndarray:
        with reading(path, "TIFF file"):
            for page in series.pages[start * each : stop * each]:
                _require_inside(page, size, path)
            pages = tiff.asarray(key=range(start * each, stop * each), series=0)
        return pages.reshape(stop - start, *series.shape[1:]).astype(dtype)

    return read


def _require_inside(page: Any, size: int, path: Path) -> None:
    """Checks that no part of a page is announced as larger than the whole file.

    The library would make room for it.
    """
    largest = max(page.databytecounts, default=0) if page is not None else 0
    if largest > size:
        raise InputError(f"{path}: a page of {largest:,} bytes in a file of {size:,}")


def _pages(parts: Iterable[np.ndarray], series: Any) -> Iterator[np.ndarray]:
    page = series.keyframe.shape
    for part in parts:
        yield from part.reshape(-1, *page)


def _like(series: Any) -> dict[str, Any]:
    """How `TiffWriter.write` makes pages like those of `series`."""
    page = series.keyframe
    how: dict[str, Any] = {
        "shape": series.shape,
        "dtype": series.dtype,
        "photometric": page.photometric,
        "compression": page.compression,
        "software": page.software or False,
        "datetime": page.datetime,
    }
    if page.samplesperpixel > 1:
        how |= {"planarconfig": page.planarconfig, "extrasamples": page.extrasamples}
    if page.compression != 1 and page.predictor != 1:
        how["predictor"] = page.predictor
    if "XResolution" in page.tags:
        how |= {"resolution": page.resolution, "resolutionunit": page.resolutionunit}
    if series.kind == "imagej":
        how["metadata"] = {**series.parent.imagej_metadata, "axes": series.axes}
    elif series.kind in DIALECTS:
        how["metadata"] = {"axes": series.axes}
    else:
        how |= {"metadata": None, "description": page.description or None}
    return how
