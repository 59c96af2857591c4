"""PNG files: every chunk comes back as it was."""

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from tests.support.picture_folders import (
    COUNT,
    GREY,
    PROFILE,
    RGB,
    RGBA,
    files,
    folder_of,
    numbers,
    trained_on,
    unchanged,
)


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
