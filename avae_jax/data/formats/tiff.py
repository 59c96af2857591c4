"""Stacks in TIFF files: one page, or one page a slice, for each example."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.contiguous import Layout, reader
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.pictures import tags
from avae_jax.data.formats.pictures.tiff import (
    fitting,
    open_file,
    require_inside,
    require_known,
    writer,
)
from avae_jax.data.formats.reading import describe, reading
from avae_jax.data.formats.stack import Stack, spacing_of
from avae_jax.data.formats.tiff_sizes import sizes
from avae_jax.data.nodata import of_page

# Programs that store all numbers contiguously and all metadata on the first page.
IN_ONE_PIECE = ("imagej", "shaped")
# Positions in a file have 32 bits; the difference is left for the metadata of pages.
LARGE = 2**32 - 2**25


@contextlib.contextmanager
def open_tiff(path: Path) -> Iterator[Stack]:
    """The pages of a TIFF file along their first axis.

    Raises:
      InputError: a single image, pages that differ, colour tables, separate planes of channels.
    """
    tifffile = library("tifffile", str(path))
    with contextlib.ExitStack() as opened:
        with reading(path, "TIFF file"):
            tiff = opened.enter_context(open_file(path))
            series = tiff.series[0]
            _check(tiff, path)
            page, dtype = series.keyframe, series.dtype.newbyteorder(tiff.byteorder)
            big = math.prod(series.shape) * dtype.itemsize > LARGE
            own = _own_tags(series)
            is_whole = not own or series.kind in IN_ONE_PIECE
            lost = (*tags.lost(page, tifffile), *_lost_of_stack(series, own, big=big))
            spacing = spacing_of(sizes(tiff))

        def write(target: Path, parts: Iterable[np.ndarray]) -> None:
            how = tags.like(page, tifffile)
            pages = (fitting(one, how) for part in parts for one in part.reshape(-1, *page.shape))
            with writer(target, tiff, big=big) as file:
                _write_pages(file, series, pages, how if is_whole else None)

        if series.dataoffset is None or tags.narrow_bits(page):
            read = _decoded(tiff, dtype, path)
        else:
            stream = opened.enter_context(open(path, "rb"))
            read = reader(stream, Layout(series.dataoffset, series.shape, dtype), name=str(path))
        notes = tuple(f"{path}: {one}." for one in lost)
        more: dict[str, Any] = {"apart": _apart(series.axes), "spacing": spacing, "notes": notes}
        more["nodata"] = of_page(page)
        yield Stack(path, series.shape, dtype, read, write, **more)


def _apart(axes: str) -> str:
    """`data.axes` if pages are channels, otherwise nothing."""
    inner = axes[1:]
    if "C" not in inner or len(inner) > 4:
        return ""
    letters = {"C": "C", "Y": "H", "X": "W"}
    return "N" + "".join(letters.get(letter, "D") for letter in inner)


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
    if series.keyframe.photometric == tags.PALETTE:
        raise InputError(f"{path}: numbers of a colour table; grey values or colours are wanted")
    require_known(series.keyframe, path)


def _decoded(tiff: Any, dtype: np.dtype, path: Path) -> Callable[[int, int], np.ndarray]:
    """A reader of pages that are compressed or scattered in the file."""
    series = tiff.series[0]
    each, size = len(series.pages) // series.shape[0], path.stat().st_size

    def read(start: int, stop: int) -> np.ndarray:
        with reading(path, "TIFF file"):
            for page in series.pages[start * each : stop * each]:
                require_inside(page, size, path)
            pages = tiff.asarray(key=range(start * each, stop * each), series=0)
        return pages.reshape(stop - start, *series.shape[1:]).astype(dtype)

    return read


def _write_pages(
    file: Any, series: Any, pages: Iterator[np.ndarray], how: dict[str, Any] | None
) -> None:
    """Writes all pages with one `how`, or each page like the page that it replaces."""
    shape = series.keyframe.shape
    if how is not None:
        count = math.prod(series.shape) // math.prod(shape)
        file.write(pages, shape=(count, *shape), **how)
        return
    tifffile = library("tifffile", str(series.parent.filename))
    for like, one in zip(series.pages, pages, strict=True):
        own = tags.like(like.aspage(), tifffile)
        file.write(iter([one]), shape=shape, contiguous=False, **own)


def _own_tags(series: Any) -> list[str]:
    """The tags of the second page that differ from the first page."""
    first, *others = series.pages[:2]
    if not others or None in (first, *others):
        return []
    before = {tag.code: str(tag.value) for tag in first.aspage().tags}
    return [
        f"{tag.code} ({tag.name})"
        for tag in others[0].aspage().tags
        if tag.code not in tags.OF_STORAGE and before.get(tag.code) != str(tag.value)
    ]


def _lost_of_stack(series: Any, own: list[str], *, big: bool) -> Iterator[str]:
    if big and not series.parent.is_bigtiff:
        yield "file offsets of 32 bits, written with 64 (BigTIFF)"
    if own and series.kind in IN_ONE_PIECE:
        yield f"tags of the pages after the first, left out: {', '.join(own)}"
