"""TIFF files: opening, decoding, and files of a single page."""

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.pictures import tags
from avae_jax.data.formats.pictures.picture import CMYK, GREY, RGB, Picture
from avae_jax.data.formats.reading import require_held

MEANINGS = {0: "grey values, 0 is white", 1: GREY, 2: RGB, 3: RGB, 4: "a mask", 5: CMYK}
MEANINGS |= {6: RGB, 9: "L*a*b*", 34892: "linear raw"}
JPEG = (6, 7, 33007, 34892)
# Compressions that the library decodes without others: none, deflate, PackBits, LZMA.
ALONE = {1, 8, 32946, 32773, 34925}
MOST_CHANNELS = 4
MOST_TAGS = 4096  # of a page, the limit of the library
WHOLE_BITS = (1, 8, 16, 32, 64)


@contextlib.contextmanager
def open_page(path: Path) -> Iterator[Picture]:
    """A file of one page; a colour table becomes RGB, planes become channels.

    Raises:
      InputError: several pages, numbers that are not an image, an unknown compression.
    """
    with open_file(path) as tiff:
        page = _only_page(tiff, path)
        tabled, apart = page.photometric == tags.PALETTE, page.axes == "SYX"
        shape = (*page.shape[1:], page.shape[0]) if apart else (*page.shape, 1)[:3]
        shape = (*shape[:2], 3) if tabled else shape
        dtype = np.dtype("u1") if tabled else page.dtype.newbyteorder(tiff.byteorder)
        tifffile = library("tifffile", str(path))

        def read() -> np.ndarray:
            require_inside(page, path.stat().st_size, path)
            pixels = page.asarray()
            if tabled:
                # Colour tables have 16 bits, of which programs show the upper half.
                pixels = np.moveaxis(page.colormap[:, pixels] >> 8, 0, -1)
            elif apart:
                pixels = np.moveaxis(pixels, 0, -1)
            return pixels.reshape(shape).astype(dtype)

        def write(target: Path, pixels: np.ndarray) -> None:
            how = tags.like(page, tifffile) | {"shape": page.shape}
            if tabled:
                how |= {"shape": shape, "dtype": dtype, "photometric": "rgb"}
                how.pop("bitspersample", None)
            body = np.moveaxis(pixels, -1, 0) if apart else pixels
            with writer(target, tiff) as file:
                file.write(iter([fitting(body.reshape(how["shape"]), how)]), **how)

        said = ("a table of colours, written as RGB",) if tabled else ()
        notes = (*said, *tags.lost(page, tifffile))
        meaning = MEANINGS[int(page.photometric)]
        yield Picture(path, shape, dtype, meaning, read, write, notes)


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[Any]:
    """A `TiffFile` with a finite chain of pages."""
    tifffile = library("tifffile", str(path))
    _require_pages(path)
    # Continuations in other files are not read.
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        yield tiff


def writer(target: Path, tiff: Any, *, big: bool = False) -> Any:
    """A `TiffWriter` for a file like `tiff`; `big` for more than 4 GiB."""
    tifffile = library("tifffile", str(target))
    how = {"bigtiff": tiff.is_bigtiff or big, "byteorder": tiff.byteorder}
    # The writer must not derive metadata from the name of the file or the shape of its numbers.
    return tifffile.TiffWriter(target, ome=False, shaped=False, **how)


def fitting(pixels: np.ndarray, how: dict[str, Any]) -> np.ndarray:
    """`pixels` clipped to the bits of a page."""
    bits = how.get("bitspersample")
    return pixels if bits is None else np.minimum(pixels, 2**bits - 1)


def require_known(page: Any, path: Path) -> None:
    """Checks that the numbers of a page can be decoded and are grey values or colours.

    Raises:
      InputError: names the missing library and the command that installs it, or the meaning.
    """
    if page.dtype is None or int(page.photometric) not in MEANINGS:
        meaning = getattr(page.photometric, "name", page.photometric)
        raise InputError(
            f"{path}: numbers of the kind {meaning}; grey values, RGB or CMYK are wanted"
        )
    if page.samplesperpixel > MOST_CHANNELS:
        came = f"{page.samplesperpixel} numbers for each pixel"
        raise InputError(f"{path}: {came}; at most {MOST_CHANNELS} channels are wanted")
    packing = page.compression
    name = getattr(packing, "name", packing)
    if int(packing) not in ALONE or page.predictor == 3:
        library("imagecodecs", f"{path}, {name} compression")
    if page.bitspersample not in WHOLE_BITS:
        library("imagecodecs", f"{path}, values of {page.bitspersample} bits")
    if packing not in library("tifffile", str(path)).TIFF.DECOMPRESSORS:
        raise InputError(f"{path}: {name} compression is not known; LZW or deflate is wanted")
    if page.photometric == tags.YCBCR and int(packing) not in JPEG:
        raise InputError(f"{path}: luminance and chrominance; grey values, RGB or CMYK are wanted")


def require_inside(page: Any, size: int, path: Path) -> None:
    """Checks that no part of a page is announced as larger than the whole file.

    The library would allocate memory for it.
    """
    largest = max(page.databytecounts, default=0) if page is not None else 0
    if largest > size:
        raise InputError(f"{path}: a page of {largest:,} bytes in a file of {size:,}")


def _only_page(tiff: Any, path: Path) -> Any:
    page, count = tiff.pages[0], len(tiff.pages)
    if tiff.is_imagej:
        # ImageJ announces only the first page of a large stack.
        count = max(count, int((tiff.imagej_metadata or {}).get("images", 1)))
    if count != 1:
        raise InputError(f"{path}: {count} pages; one image a file, or npz for volumes")
    require_known(page, path)
    if page.axes not in ("YX", "YXS", "SYX"):
        raise InputError(f"{path}: axes {page.axes}; one image a file, or npz for volumes")
    bits = 1 if page.dtype.kind == "b" else 8 * page.dtype.itemsize
    require_held(path, int(np.prod(page.shape, dtype=object)) * bits // 8)
    return page


def _require_pages(path: Path) -> None:
    """Checks that the chain of pages ends within the file.

    The library would follow a cyclic chain forever, and ignore the end of a chain that leaves
    the file.
    """
    size = path.stat().st_size
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
            (length,) = struct.unpack_from(order + count, entries)
            if length > MOST_TAGS or stream.tell() + entry * length > size:
                raise InputError(
                    f"{path}: page {len(seen)} lies beyond its end; a complete file is wanted"
                )
            stream.seek(entry * length, os.SEEK_CUR)
            # A file may end with the last entry.
            (offset,) = struct.unpack_from(order + place, stream.read(8).ljust(8, b"\0"))
    if offset:
        raise InputError(f"{path}: a chain of pages without end; one that ends is wanted")
