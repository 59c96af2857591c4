"""Folders of images: each file comes back as it was, read by its format's own library."""

import io
import json
import re
import struct
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from avae_jax.alignment.trial_write import require_writable
from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.formats import open_stack
from avae_jax.data.sources.folder import read_folder

COUNT = 3
PROFILE = bytes(range(256)) * 3


def numbers(shape, dtype, *, seed=0):
    """Over the whole range of the type, negative numbers and the largest included."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    if dtype.kind == "f":
        made = rng.normal(0, 100, shape).astype(dtype)
    elif dtype.kind == "b":
        made = rng.random(shape) < 0.5
    else:
        info = np.iinfo(dtype)
        made = rng.integers(info.min, info.max, shape, dtype.newbyteorder("="), endpoint=True)
        made.flat[:2] = info.min, info.max
    return made.astype(dtype)


def folder_of(tmp_path, suffix, make):
    """`make(path, index)` for each of the files."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for index in range(COUNT):
        make(folder / f"{index}{suffix}", index)
    return folder


def unchanged(folder):
    """What is read of a folder, the folder that is written of it, and what is said."""
    with open_stack(str(folder)) as stack:
        values = stack.read(0, COUNT)
        assert values.shape == stack.shape and values.dtype == stack.dtype
        require_writable(stack, folder.parent)
        target = folder.with_name("made")
        target.mkdir()
        stack.write(target, iter([values[:2], values[2:]]))
        return values, target, stack.notes


def trained_on(folder):
    """The same files as `folder:` reads them, before they become float32."""
    return read_folder(folder).train.read(np.arange(COUNT))[0]


def files(folder):
    return sorted(folder.iterdir())


GREY, RGB, RGBA = (9, 7), (9, 7, 3), (9, 7, 4)
IMAGEJ = {"unit": "um", "spacing": 0.5, "Info": "lens = 63"}
TIFFS = {
    "16-bit RGB": (RGB, "u2", {"photometric": "rgb"}),
    "16-bit RGBA": (RGBA, "u2", {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "float RGB": (RGB, "f4", {"photometric": "rgb"}),
    "8-bit RGB": (RGB, "u1", {"photometric": "rgb"}),
    "two channels": ((9, 7, 2), "u2", {"photometric": "minisblack", "planarconfig": "contig"}),
    **{kind: (GREY, kind, {}) for kind in ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8")},
    **{kind: (GREY, kind, {}) for kind in ("f2", "f4", "f8", "?")},
    **{f"big {kind}": (GREY, f">{kind}", {"byteorder": ">"}) for kind in ("u2", "i2", "f8")},
    "white 1": (GREY, "?", {"photometric": "miniswhite"}),
    "white 8": (GREY, "u1", {"photometric": "miniswhite"}),
    "white 16": (GREY, "u2", {"photometric": "miniswhite"}),
    "white 16, LZW": (GREY, "u2", {"photometric": "miniswhite", "compression": "lzw"}),
    "CMYK": (RGBA, "u1", {"photometric": "separated"}),
    "planes": ((3, 9, 7), "u2", {"photometric": "rgb", "planarconfig": "separate"}),
    "ImageJ": (GREY, ">u2", {"imagej": True, "metadata": IMAGEJ}),
    "ImageJ float": (GREY, ">f4", {"imagej": True, "metadata": IMAGEJ}),
    "ImageJ RGB": (RGB, "u1", {"imagej": True, "metadata": IMAGEJ, "byteorder": "<"}),
    "OME": (GREY, "u2", {"ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 0.65}}),
    "UTF-8": (GREY, "u2", {"description": "Größe in µm".encode(), "metadata": None}),
    "own words": (GREY, "i2", {"description": "by hand", "metadata": None, "software": "mine"}),
    "BigTIFF": (GREY, "u2", {"bigtiff": True}),
    "tiles": (GREY, "u2", {"tile": (16, 16)}),
    "deflate": (GREY, "i2", {"compression": "zlib", "predictor": True}),
    "float predictor": (GREY, "f4", {"compression": "zlib", "predictor": True}),
    "LZW": (RGB, "u1", {"photometric": "rgb", "compression": "lzw", "predictor": True}),
    "PackBits": (GREY, "u1", {"compression": "packbits"}),
    "Zstandard": (GREY, "u4", {"compression": "zstd"}),
    "LZMA": (GREY, "i2", {"compression": "lzma"}),
    "profile": (RGB, "u1", {"photometric": "rgb", "iccprofile": PROFILE}),
    "turned": (GREY, "u1", {"extratags": [(274, 3, 1, 6, True), (315, 2, 0, b"J\xc3\xb6", True)]}),
    "no data": (GREY, "f4", {"extratags": [(42113, 2, 0, "-9999", True)]}),
    "microscope": (GREY, "u1", {"extratags": [(34682, 2, 0, "[Scan]\nPixelWidth=4e-9", True)]}),
}
KEPT = ("photometric", "compression", "predictor", "resolution", "resolutionunit", "description")
KEPT += ("software", "extrasamples", "planarconfig", "iccprofile", "byteorder")


@pytest.mark.parametrize("shape, dtype, how", TIFFS.values(), ids=TIFFS.keys())
def test_tiff(shape, dtype, how, tmp_path):
    wanted = [numbers(shape, dtype, seed=index) for index in range(COUNT)]
    how = {"resolution": (12500, 300), "resolutionunit": "centimeter", **how}
    how |= {"photometric": how.get("photometric", "minisblack")}
    if "imagej" in how:
        how.pop("photometric")
        how.pop("resolutionunit")
    folder = folder_of(tmp_path, ".tif", lambda path, n: tifffile.imwrite(path, wanted[n], **how))
    values, made, notes = unchanged(folder)
    assert notes == ()
    channels = (
        np.moveaxis(wanted, 1, -1) if shape == (3, 9, 7) else np.reshape(wanted, values.shape)
    )
    np.testing.assert_array_equal(values, channels)
    assert values.dtype == np.dtype(dtype)
    assert trained_on(folder).tobytes() == values.tobytes()
    for one, other, image in zip(files(folder), files(made), wanted, strict=True):
        same_tiff(one, other, image)


def raw(tiff, code):
    """The bytes of a tag of the first page."""
    tag = tiff.pages[0].tags.get(code)
    if tag is None:
        return None
    tiff.filehandle.seek(tag.valueoffset)
    return tiff.filehandle.read(tag.valuebytecount)


def same_tiff(one, other, image):
    with tifffile.TiffFile(one) as source, tifffile.TiffFile(other) as target:
        page, new = source.pages[0], target.pages[0]
        assert len(target.pages) == 1 and target.byteorder == source.byteorder
        assert new.dtype == page.dtype and new.bitspersample == page.bitspersample
        np.testing.assert_array_equal(new.asarray(), image)
        for name in KEPT[:-1]:
            assert getattr(new, name, None) == getattr(page, name, None), name
        assert target.imagej_metadata == source.imagej_metadata
        assert (target.is_ome, target.is_bigtiff) == (source.is_ome, source.is_bigtiff)
        assert target.series[0].axes == source.series[0].axes
        for code in (274, 315, 34675, 34682, 42113):
            assert raw(target, code) == raw(source, code)


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


SAID = {
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": struct.pack(">8I", *range(30000, 38000, 1000)),
    b"iCCP": b"mine\0\0" + zlib.compress(PROFILE),
    b"pHYs": struct.pack(">IIB", 11811, 5906, 1),
    b"tEXt": b"Comment\0pixel = 0.2 um",
    b"iTXt": "Title\0\0\0de\0Titel\0Größe".encode(),
    b"tRNS": struct.pack(">H", 3),
}


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("shape", [GREY, (9, 7, 2), RGB, RGBA], ids=["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("said", [(), tuple(SAID)], ids=["plain", "said"])
def test_png(shape, dtype, said, tmp_path):
    wanted = [numbers(shape, dtype, seed=index) for index in range(COUNT)]
    keyed = {2: {b"tRNS"} if shape == GREY else set()}.get(len(shape), set())
    chunks = {name: SAID[name] for name in said if name != b"tRNS" or keyed}
    if shape == RGB and said:
        chunks[b"tRNS"] = struct.pack(">3H", 1, 2, 3)

    def make(path, index):
        whole = imagecodecs.png_encode(wanted[index])
        extra = b"".join(chunk(*each) for each in chunks.items())
        path.write_bytes(whole[:33] + extra + whole[33:])

    folder = folder_of(tmp_path, ".png", make)
    values, made, notes = unchanged(folder)
    assert notes == () and values.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(values, np.reshape(wanted, values.shape))
    np.testing.assert_array_equal(trained_on(folder), values)
    for one, other in zip(files(folder), files(made), strict=True):
        assert parts(other) == parts(one)
        with Image.open(one) as source, Image.open(other) as target:
            assert target.mode == source.mode
            assert target.info == source.info


def parts(path):
    """Every chunk of a PNG file but its numbers, and these."""
    whole, found, place = path.read_bytes(), {}, 8
    numbers_of = b""
    while place < len(whole):
        (length,) = struct.unpack_from(">I", whole, place)
        name = whole[place + 4 : place + 8]
        body = whole[place + 8 : place + 8 + length]
        assert name not in found
        if name == b"IDAT":
            numbers_of += body
        else:
            found[name] = body
        place += 12 + length
    plain = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", found[b"IHDR"]) + chunk(b"IDAT", numbers_of)
    return found, imagecodecs.png_decode(plain + chunk(b"IEND", b"")).tobytes()


def test_png_of_one_bit(tmp_path):
    wanted = numbers((COUNT, *GREY), "?")
    folder = folder_of(tmp_path, ".png", lambda path, n: Image.fromarray(wanted[n]).save(path))
    values, made, notes = unchanged(folder)
    assert values.dtype == bool and notes == ()
    for path, image in zip(files(made), wanted, strict=True):
        with Image.open(path) as target:
            assert target.mode == "1"
            np.testing.assert_array_equal(np.array(target), image)


def test_interlaced_png_of_16_bits(tmp_path):
    """Rows of seven passes, each with filter 0."""
    wanted = numbers((COUNT, 8, 8, 3), ">u2")
    starts = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    starts.append((1, 0, 2, 1))

    def make(path, index):
        rows = b"".join(
            b"\0" + row.tobytes()
            for y, x, down, across in starts
            for row in wanted[index][y::down, x::across]
        )
        head = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 1)
        body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)

    values, made, _ = unchanged(folder_of(tmp_path, ".png", make))
    np.testing.assert_array_equal(values, wanted)
    for path, image in zip(files(made), wanted, strict=True):
        np.testing.assert_array_equal(imagecodecs.png_decode(path.read_bytes()), image)


SMOOTH = (np.add.outer(np.arange(24), np.arange(16)) * 5).astype(np.uint8)
JPEGS = {
    "L": (SMOOTH[..., None], {}),
    "RGB": (np.stack([SMOOTH, 255 - SMOOTH, SMOOTH // 2], -1), {}),
    "CMYK": (np.stack([SMOOTH, 255 - SMOOTH, SMOOTH // 2, SMOOTH // 3], -1), {}),
    "RGB, words": (np.stack([SMOOTH] * 3, -1), {"comment": "Größe".encode()}),
}


@pytest.mark.parametrize("mode", JPEGS)
def test_jpeg(mode, tmp_path):
    wanted, how = JPEGS[mode]
    mode = mode.partition(",")[0]
    flat = wanted[..., 0] if mode == "L" else wanted
    exif = Image.Exif()
    exif[274], exif[315] = 6, "Jo"

    def make(path, index):
        image = Image.frombytes(mode, (16, 24), flat.tobytes())
        kept = {"dpi": (200, 100), "icc_profile": PROFILE, "exif": exif, **how}
        image.save(path, quality=98, subsampling=0, **kept)

    folder = folder_of(tmp_path, ".jpg", make)
    values, made, notes = unchanged(folder)
    assert notes == () and values.shape[-1] == len(mode)
    np.testing.assert_allclose(values.astype(int), np.stack([wanted] * COUNT), atol=4)
    np.testing.assert_array_equal(trained_on(folder), values)
    for one, other in zip(files(folder), files(made), strict=True):
        with Image.open(one) as source, Image.open(other) as target:
            assert target.mode == source.mode == mode
            assert target.info == source.info
            difference = np.array(target).astype(int) - np.array(source)
            assert np.abs(difference).max() <= 4


def test_the_unit_of_a_jpeg_stays(tmp_path):
    def make(path, index):
        file = io.BytesIO()
        Image.fromarray(SMOOTH).save(file, "JPEG", dpi=(118, 118))
        whole = bytearray(file.getvalue())
        whole[13] = 2  # pixels in a centimetre
        path.write_bytes(whole)

    _, made, _ = unchanged(folder_of(tmp_path, ".jpg", make))
    with Image.open(files(made)[0]) as target:
        assert target.info["jfif_unit"] == 2 and target.info["jfif_density"] == (118, 118)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_bmp(mode, tmp_path):
    wanted = numbers((COUNT, *(RGB if mode == "RGB" else GREY)), "?" if mode == "1" else "u1")
    save = {"dpi": (300, 200)}
    folder = folder_of(tmp_path, ".bmp", lambda p, n: Image.fromarray(wanted[n]).save(p, **save))
    values, made, notes = unchanged(folder)
    assert notes == ()
    np.testing.assert_array_equal(values, wanted.reshape(values.shape))
    for one, other in zip(files(folder), files(made), strict=True):
        assert one.read_bytes() == other.read_bytes()


def saved(image, **how):
    return lambda path: image.save(path, **how)


GREY_IMAGE = Image.fromarray(numbers(GREY, "u1"))
TABLE = Image.fromarray(numbers(RGB, "u1")).quantize(16)
PAGES = numbers((COUNT, 9, 7), "u1")
CAMERA = {"extratags": [(37500, 7, 4, b"\0\0\1\0", True)]}
LOST = {
    "table in PNG": (".png", saved(TABLE), "a table of colours, written as RGB"),
    "table in TIFF": (".tif", saved(TABLE), "a table of colours, written as RGB"),
    "table in BMP": (".bmp", saved(TABLE), "pixels of .* bits, written in 24"),
    "fax": (".tif", saved(GREY_IMAGE.convert("1"), compression="group4"), "CCITTFAX4 compression"),
    "JPEG in TIFF": (".tif", saved(GREY_IMAGE, compression="jpeg"), "JPEG compression, written"),
    "camera": (
        ".tif",
        lambda path: tifffile.imwrite(path, PAGES[0], **CAMERA),
        r"left out: 37500 \(MakerNote\)",
    ),
    "preview": (
        ".jpg",
        saved(GREY_IMAGE, format="MPO", save_all=True, append_images=[GREY_IMAGE]),
        "a second picture, left out",
    ),
}


@pytest.mark.parametrize("suffix, save, words", LOST.values(), ids=LOST.keys())
def test_what_is_not_kept_is_said_once(suffix, save, words, tmp_path):
    values, made, notes = unchanged(folder_of(tmp_path, suffix, lambda path, index: save(path)))
    (note,) = notes
    assert re.match(rf"0{suffix} and 2 others: .*{words}.*\.$", note), note
    with open_stack(str(made)) as again:
        if suffix != ".jpg":
            np.testing.assert_array_equal(again.read(0, COUNT), values)


@pytest.mark.parametrize("bits, dtype", [(12, "u2"), (4, "u1"), (10, "u2")])
def test_tiff_of_few_bits_keeps_them(bits, dtype, tmp_path):
    wanted = (numbers((COUNT, *GREY), dtype) % 2**bits).astype(dtype)
    how = {"photometric": "minisblack", "bitspersample": bits}
    folder = folder_of(tmp_path, ".tif", lambda p, n: tifffile.imwrite(p, wanted[n], **how))
    with open_stack(str(folder)) as stack:
        np.testing.assert_array_equal(stack.read(0, COUNT)[..., 0], wanted)
        (tmp_path / "made").mkdir()
        # What does not fit is cut, not folded.
        stack.write(tmp_path / "made", [np.full(stack.shape, np.iinfo(dtype).max, dtype)])
    with tifffile.TiffFile(tmp_path / "made/0.tif") as target:
        assert target.pages[0].bitspersample == bits
        assert (target.pages[0].asarray() == 2**bits - 1).all()


def refused(folder):
    with pytest.raises(InputError) as caught, open_stack(str(folder)):
        pass
    with pytest.raises(InputError) as also:
        load(DataOptions(source=f"folder:{folder}"), seed=0)
    assert "\n" not in str(caught.value) + str(also.value)
    return str(caught.value)


def each(*makers):
    return lambda path, index: makers[index % len(makers)](path)


def tiff(dtype="u1", shape=GREY, **how):
    return lambda path: tifffile.imwrite(path, numbers(shape, dtype), **how)


def lab(path):
    Image.frombytes("LAB", (7, 9), numbers(RGB, "u1").tobytes()).save(path)


def clear_bmp(path):
    """Of 32 bits, the upper eight of which a mask calls transparency."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 56, 7, 9, 1, 32, 3, 252, 2835, 2835, 0, 0) + masks
    body = numbers(RGBA, "u1").tobytes()
    path.write_bytes(b"BM" + struct.pack("<IHHI", 70 + len(body), 0, 0, 70) + head + body)


BLACK, WHITE = tiff(photometric="minisblack"), tiff(photometric="miniswhite")
ALPHA = tiff(shape=RGBA, photometric="rgb", extrasamples=["unassalpha"])
INKS = tiff(shape=RGBA, photometric="separated")
REFUSED = {
    "negatives among others": (
        ".tif",
        (BLACK, BLACK, WHITE),
        r"2.tif: .*\(grey values, 0 is white",
    ),
    "inks among colours": (".tif", (ALPHA, INKS), r"1.tif: .*\(CMYK\), but .*0.tif is .*\(RGB\)"),
    "types": (".tif", (tiff("i2"), tiff("u2")), "1.tif: .* of uint16, but .*0.tif .* of int16"),
    "five channels": (
        ".tif",
        (tiff(shape=(9, 7, 5), photometric="rgb", extrasamples=(0, 0)),),
        "0.tif: 5 numbers for each pixel; at most 4 channels",
    ),
    "L*a*b*": (".tif", (lab,), "CIELAB; grey values, RGB or CMYK are wanted"),
    "pages": (".tif", (tiff(shape=(3, 9, 7), photometric="minisblack"),), "3 pages; one image"),
    "bits": (".tif", (tiff("u1"), tiff("f4")), "float32"),
    "clear BMP": (".bmp", (clear_bmp,), "BMP with transparency; a PNG file is wanted"),
    "another format": (".gif", (saved(GREY_IMAGE),), r"\(3 .gif\).*PNG, JPEG or TIFF \(or BMP\)"),
}


@pytest.mark.parametrize("suffix, makers, words", REFUSED.values(), ids=REFUSED.keys())
def test_what_would_be_wrong_is_refused(suffix, makers, words, tmp_path):
    said = refused(folder_of(tmp_path, suffix, each(*makers)))
    assert re.search(words, said), said


def deep_png(path):
    path.write_bytes(imagecodecs.png_encode(numbers(RGB, "u2")))


@pytest.mark.parametrize(
    "suffix, make",
    [(".tif", tiff(compression="lzw")), (".tif", tiff(compression="jpeg")), (".png", deep_png)],
    ids=["LZW", "JPEG in TIFF", "PNG of 16-bit RGB"],
)
def test_what_needs_another_library_names_it(suffix, make, tmp_path, monkeypatch):
    folder = folder_of(tmp_path, suffix, each(make))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    assert 'needs imagecodecs, which is not installed; run pip install "avae_jax[formats]"' in (
        refused(folder)
    )


LATIN = "Größe in µm\0".encode("latin-1")
STACKS = {
    "PackBits": {"compression": "packbits"},
    "LZW": {"compression": "lzw"},
    "UTF-8": {"description": "Größe in µm".encode(), "metadata": None},
    "words and shape": {"description": "by hand"},
    "Shift-JIS": {
        "description": "\u8868\u793a".encode("shift-jis") + b"\x81\x90",
        "metadata": None,
    },
    "several texts": {"description": b"one\0two\0\0", "metadata": None},
    "Latin-1": {"description": LATIN[:-1], "metadata": None},
    "ImageJ": {"imagej": True, "metadata": {"unit": "\\u00B5m", "Labels": ["ä", "b", "c"]}},
    "OME": {"ome": True, "metadata": {"axes": "TYX", "Name": "Größe", "PhysicalSizeX": 0.65}},
    "shaped": {"metadata": {"pixel": 0.65}},
    "white": {"photometric": "miniswhite"},
    "profile": {"iccprofile": PROFILE},
}


@pytest.mark.parametrize("how", STACKS.values(), ids=STACKS.keys())
def test_stack_of_tiff(how, tmp_path):
    dtype = ">u2" if "imagej" in how else "<u2"
    wanted = numbers((COUNT, *GREY), dtype)
    how = how if "imagej" in how else {"photometric": "minisblack", **how}
    tifffile.imwrite(tmp_path / "x.tif", wanted, resolution=(3.5, 4), **how)
    with open_stack(str(tmp_path / "x.tif")) as stack:
        # Of these resolutions pixels are not square, which is said where they have a unit.
        assert not [note for note in stack.notes if not note.startswith("Pixels are ")]
        require_writable(stack, tmp_path)
        stack.write(tmp_path / "made.tif", [stack.read(0, 2), stack.read(2, 3)])
    with (
        tifffile.TiffFile(tmp_path / "x.tif") as source,
        tifffile.TiffFile(tmp_path / "made.tif") as target,
    ):
        np.testing.assert_array_equal(target.asarray(), wanted)
        for name in KEPT[:-1]:
            one, other = (getattr(file.pages[0], name, None) for file in (source, target))
            assert one == other, name
        assert target.series[0].axes == source.series[0].axes
        assert target.imagej_metadata == source.imagej_metadata
        words, as_utf8 = raw(source, 270) or b"", {LATIN: LATIN.decode("latin-1").encode()}
        assert (raw(target, 270) or b"") == as_utf8.get(words, words)


@pytest.mark.parametrize("how", [{}, {"description": "Größe".encode()}, {"imagej": True}], ids=str)
def test_volumes_of_tiff_stay_volumes(how, tmp_path):
    wanted = numbers((COUNT, 5, *GREY), ">u2" if "imagej" in how else "u2")
    how = {"metadata": {"axes": "TZYX"}, **how}
    tifffile.imwrite(tmp_path / "x.tif", wanted, photometric="minisblack", **how)
    with open_stack(str(tmp_path / "x.tif")) as stack:
        assert stack.shape == wanted.shape
        stack.write(tmp_path / "made.tif", [stack.read(0, 2), stack.read(2, 3)])
    with tifffile.TiffFile(tmp_path / "made.tif") as target:
        assert target.series[0].axes == "TZYX"
        np.testing.assert_array_equal(target.asarray(), wanted)
        assert (target.pages[0].tags[270].value == "Größe") == ("description" in how)


def test_a_compression_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    wanted = numbers((COUNT, *GREY), "u2")
    tifffile.imwrite(tmp_path / "x.tif", wanted, photometric="minisblack", compression="packbits")
    known = {code: None for code in (1, 8)}
    monkeypatch.setattr(tifffile.TIFF, "COMPRESSORS", known, raising=False)
    with open_stack(str(tmp_path / "x.tif")) as stack:
        (note,) = stack.notes
        assert note.endswith("x.tif: PACKBITS compression, written uncompressed.")
        stack.write(tmp_path / "made.tif", [stack.read(0, COUNT)])
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "made.tif"), wanted)


@pytest.mark.parametrize("how", [{}, {"compression": "lzw"}, {"byteorder": ">"}], ids=str)
def test_every_page_keeps_what_it_says_of_itself(how, tmp_path):
    order = {"byteorder": how["byteorder"]} if "byteorder" in how else {}
    packed = {"compression": how.get("compression")}
    with tifffile.TiffWriter(tmp_path / "x.tif", **order) as file:
        for index, page in enumerate(numbers((COUNT, *GREY), "u2")):
            said = {
                "description": f"{index} s",
                "extratags": [(51123, 2, 0, json.dumps({"frame": index}), True)],
            }
            file.write(page, metadata=None, contiguous=False, **packed, **said)
    with open_stack(str(tmp_path / "x.tif")) as stack:
        assert stack.notes == ()
        require_writable(stack, tmp_path)
        stack.write(tmp_path / "made.tif", [stack.read(0, 1), stack.read(1, COUNT)])
    with tifffile.TiffFile(tmp_path / "made.tif") as target:
        assert [page.description for page in target.pages] == ["0 s", "1 s", "2 s"]
        frames = [page.tags.valueof(51123) for page in target.pages]
        assert frames == [{"frame": index} for index in range(COUNT)]
        np.testing.assert_array_equal(target.asarray(), tifffile.imread(tmp_path / "x.tif"))
        np.testing.assert_array_equal(target.asarray(), numbers((COUNT, *GREY), "u2"))


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("packing", ["group3", "group4", "packbits", "raw", "tiff_lzw"])
def test_black_and_white_looks_the_same_to_others(packing, inverted, tmp_path):
    image = Image.fromarray(numbers((24, 24), "?"))
    how = {"compression": packing, "tiffinfo": {262: 0} if inverted else {}}
    folder = folder_of(tmp_path, ".tif", lambda path, index: image.save(path, **how))
    values, made, _ = unchanged(folder)
    assert values.dtype == bool
    with Image.open(files(folder)[0]) as source, Image.open(files(made)[0]) as target:
        assert source.tag_v2[262] == target.tag_v2[262] == 1 - inverted
        np.testing.assert_array_equal(np.array(target), np.array(source))


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
@pytest.mark.parametrize("packing", ["jpeg", "tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"])
def test_colours_look_the_same_to_others(packing, mode, tmp_path):
    flat = JPEGS[mode][0]
    image = Image.frombytes(mode, (16, 24), flat.tobytes())
    how = {"compression": packing, "dpi": (300, 200), "icc_profile": PROFILE}
    _, made, notes = unchanged(folder_of(tmp_path, ".tif", lambda p, n: image.save(p, **how)))
    assert bool(notes) == (packing == "jpeg")
    with Image.open(tmp_path / "mine/0.tif") as source, Image.open(files(made)[0]) as target:
        assert target.mode == source.mode and target.info["icc_profile"] == PROFILE
        assert target.info["dpi"] == source.info["dpi"]
        np.testing.assert_array_equal(np.array(target), np.array(source))


def test_images_of_other_formats_beside_are_counted(tmp_path):
    folder = folder_of(tmp_path, ".png", lambda path, index: GREY_IMAGE.save(path))
    GREY_IMAGE.save(folder / "a.gif")
    _, _, notes = unchanged(folder)
    assert notes == (f"{folder}: left out 1 .gif; PNG, JPEG, TIFF and BMP are read.",)
    assert notes[0] in load(DataOptions(source=f"folder:{folder}"), seed=0).notes


def test_a_stack_cut_short_is_refused(tmp_path):
    first, *others = [Image.fromarray(page) for page in PAGES]
    first.save(tmp_path / "x.tif", save_all=True, append_images=others)
    whole = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="page 2 lies beyond its end"):
        with open_stack(str(tmp_path / "x.tif")):
            pass
