"""TIFF tags of a page, copied to the page that replaces it."""

from typing import Any

MINISWHITE, RGB, PALETTE, YCBCR = 0, 2, 3, 6
UNPACKED = 1
# Lossless compressions, which keep the computed values: none, LZW, deflate (two
# numbers), PackBits, LZMA, Zstandard (two).
LOSSLESS = {UNPACKED, 5, 8, 32946, 32773, 34925, 50000, 34926}
# Tags about the storage of the numbers, which the writer sets.
OF_STORAGE = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 282, 283, 284, 292}
OF_STORAGE |= {293, 296, 297, 317, 320, 322, 323, 324, 325, 338, 339, 347, *range(512, 522)}
OF_STORAGE |= {529, 530, 531, 532, 32997, 32998, 50674}
DESCRIPTION = 270
# Tags with positions of other data in the file, which are not copied: smaller images, camera
# data, LSM, MetaMorph, SIS, NDPI, DNG.
OF_PLACES = {288, 289, 330, 400, 34665, 34853, 40965, 34412, 33560, 37500, 50740}
OF_PLACES |= {*range(33628, 33632), *range(65420, 65460)}
OFFSETS = (13, 18)  # types of values that are such positions
# Tags of every page: no data, colour profile, orientation. Other tags are on the first page only.
OF_PAGES = {274, 34675, 42113}


def like(page: Any, tifffile: Any) -> dict[str, Any]:
    """Arguments of `TiffWriter.write` for pages like `page`, except for their shape.

    Metadata of the page is copied unchanged. This keeps the axes and pixel sizes that other
    programs (ImageJ, OME) store there.
    """
    how: dict[str, Any] = {
        "dtype": page.dtype,
        "photometric": RGB if page.photometric == YCBCR else page.photometric,
        "metadata": None,
        "software": False,
        "extratags": [_copied(page, tag) for tag in page.tags if _is_copied(tag)],
    }
    if page.samplesperpixel > 1:
        how |= {"planarconfig": page.planarconfig, "extrasamples": page.extrasamples}
    if is_packed_again(page, tifffile) and page.compression != UNPACKED:
        how |= {"compression": page.compression, "predictor": page.predictor}
    if narrow_bits(page) and page.compression == UNPACKED:
        how["bitspersample"] = page.bitspersample
    return how | _resolution(page)


def lost(page: Any, tifffile: Any) -> tuple[str, ...]:
    """Properties of a page that `like` loses."""
    said = []
    if not is_packed_again(page, tifffile):
        said.append(f"{page.compression.name} compression, written uncompressed")
    elif narrow_bits(page) and page.compression != UNPACKED:
        said.append(f"values of {page.bitspersample} bits, written in {8 * page.dtype.itemsize}")
    if page.photometric == YCBCR:
        said.append("luminance and chrominance, written as RGB")
    left = [tag for tag in page.tags if tag.code not in OF_STORAGE and not _is_copied(tag)]
    names = ", ".join(f"{tag.code} ({tag.name})" for tag in left)
    if names:
        said.append(f"tags that point to other places, left out: {names}")
    return tuple(said)


def is_packed_again(page: Any, tifffile: Any) -> bool:
    """Whether pages can be written with the compression of `page` without loss."""
    known = tifffile.TIFF
    if page.predictor not in known.PREDICTORS:
        return False
    return int(page.compression) in LOSSLESS and page.compression in known.COMPRESSORS


def narrow_bits(page: Any) -> bool:
    """Whether unsigned integers of `page` have fewer bits than the type that holds them."""
    whole = 8 * page.dtype.itemsize
    return page.dtype.kind == "u" and page.bitspersample not in (whole, (whole,))


def _is_copied(tag: Any) -> bool:
    return tag.code not in OF_STORAGE | OF_PLACES and tag.dtype not in OFFSETS


def _copied(page: Any, tag: Any) -> tuple[Any, ...]:
    """A tag byte for byte: code, type, count, value and whether only the first page has it.

    Descriptions are written as UTF-8; a page may have several.
    """
    file = page.parent.filehandle
    file.seek(tag.valueoffset)
    value = file.read(min(tag.valuebytecount, file.size - tag.valueoffset))
    if tag.code == DESCRIPTION:
        value = _in_utf8(value, tag.value)
    return tag.code, int(tag.dtype), tag.count, value, tag.code not in OF_PAGES


def _in_utf8(value: bytes, read: Any) -> bytes:
    """The bytes of a text, which the library has `read`, as UTF-8 if its encoding is known."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return read.encode() if isinstance(read, str) else value
    return value


def _resolution(page: Any) -> dict[str, Any]:
    across, down = (page.tags.valueof(code) for code in (282, 283))
    pair = (across or down, down or across)
    if not all(isinstance(one, tuple) and len(one) == 2 and one[1] for one in pair):
        return {}
    return {"resolution": pair, "resolutionunit": page.resolutionunit}
