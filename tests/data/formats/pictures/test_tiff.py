"""TIFF files, alone and as stacks: numbers and tags come back as they were."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from avae_jax.alignment.trial_write import require_writable
from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack
from tests.support.picture_folders import (
    COUNT,
    GREY,
    JPEGS,
    KEPT,
    PROFILE,
    RGB,
    RGBA,
    files,
    folder_of,
    numbers,
    raw,
    trained_on,
    unchanged,
)

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


def test_a_stack_cut_short_is_refused(tmp_path):
    first, *others = [Image.fromarray(page) for page in numbers((COUNT, *GREY), "u1")]
    first.save(tmp_path / "x.tif", save_all=True, append_images=others)
    whole = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="page 2 lies beyond its end"):
        with open_stack(str(tmp_path / "x.tif")):
            pass
