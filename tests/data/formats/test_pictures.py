"""Folders of images: what is not kept is said, and what would be wrong is refused."""

import re
import struct
import sys

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.formats import open_stack
from tests.support.picture_folders import COUNT, GREY, RGB, RGBA, folder_of, numbers, unchanged


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


def test_images_of_other_formats_beside_are_counted(tmp_path):
    folder = folder_of(tmp_path, ".png", lambda path, index: GREY_IMAGE.save(path))
    GREY_IMAGE.save(folder / "a.gif")
    _, _, notes = unchanged(folder)
    assert notes == (f"{folder}: left out 1 .gif; PNG, JPEG, TIFF and BMP are read.",)
    assert notes[0] in load(DataOptions(source=f"folder:{folder}"), seed=0).notes
