"""Tests of `avae_jax.data.formats.image_files`."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from avae_jax.core.errors import InputError
from avae_jax.data.formats.pictures import read_image

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 7), np.uint8)
RGB = RNG.integers(0, 256, (6, 7, 3), np.uint8)


def written(folder, names, pixels=GREY):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize(
    "pixels",
    [
        GREY,
        RGB,
        RNG.integers(0, 256, (6, 7, 4), np.uint8),
        RNG.integers(0, 65536, (6, 7), np.uint16),
        GREY > 128,
    ],
)
def test_read_image_pixels_as_stored(tmp_path, pixels, suffix):
    """Pixels are read as they are stored."""
    written(tmp_path, [f"x{suffix}"], pixels)
    image = read_image(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(image, pixels.reshape(6, 7, -1))
    assert image.dtype == pixels.dtype


def test_read_image_float(tmp_path):
    """Float images are read."""
    written(tmp_path, ["x.tif"], RNG.random((6, 7)).astype(np.float32))
    assert read_image(tmp_path / "x.tif").dtype == np.float32


def test_read_image_jpeg_close(tmp_path):
    smooth = np.add.outer(np.arange(16), np.arange(16)).astype(np.uint8) * 4
    Image.fromarray(smooth).save(tmp_path / "x.jpg", quality=95)
    np.testing.assert_allclose(read_image(tmp_path / "x.jpg")[..., 0], smooth, atol=6)


def test_read_image_palette_becomes_colours(tmp_path):
    """Palettes become colours."""
    Image.fromarray(RGB).convert("P").save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png").shape == (6, 7, 3)


def test_read_image_stack_of_pages_refused(tmp_path):
    pages = [Image.fromarray(GREY) for _ in range(3)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match="3 pages"):
        read_image(tmp_path / "x.tif")


def test_read_image_jpeg_with_preview(tmp_path):
    """Of a jpeg with a preview the picture is read."""
    picture, preview = Image.fromarray(RGB), Image.fromarray(RGB[:3])
    picture.save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=[preview])
    assert read_image(tmp_path / "x.jpg").shape == (6, 7, 3)


def test_read_image_too_many_pixels_refused(tmp_path, monkeypatch):
    written(tmp_path, ["x.png"])
    for most in (30, 5):  # Pillow warns above the limit and refuses above twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        with pytest.raises(InputError, match="x.png: .*decompression bomb"):
            read_image(tmp_path / "x.png")


def test_read_image_impossible_size_refused(tmp_path):
    """An image that no file of its size can hold is refused."""
    written(tmp_path, ["x.png"])
    whole = bytearray((tmp_path / "x.png").read_bytes())
    # Signature, length and name of the header, which begins with width and height.
    whole[16:24] = struct.pack(">II", 9, 8_000_000)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    (tmp_path / "x.png").write_bytes(whole)
    with pytest.raises(InputError, match="x.png: 9 x 8000000 pixels in a file of"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_read_image_truncated_or_damaged_refused(tmp_path, suffix):
    """A truncated or damaged image is one sentence."""
    written(tmp_path, [f"whole{suffix}"])
    whole = (tmp_path / f"whole{suffix}").read_bytes()
    contents = [whole[:length] for length in range(0, len(whole), max(1, len(whole) // 60))]
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[RNG.integers(len(whole))] = RNG.integers(256)
        contents.append(bytes(damaged))
    refused = 0
    for content in contents:
        (tmp_path / f"x{suffix}").write_bytes(content)
        try:
            read_image(tmp_path / f"x{suffix}")
        except InputError as error:
            refused += 1
            assert f"x{suffix}" in str(error) and "\n" not in str(error)
    assert refused > 20


def test_read_image_truncated_warns_nobody(tmp_path):
    written(tmp_path, ["x.tif"])
    (tmp_path / "x.tif").write_bytes((tmp_path / "x.tif").read_bytes()[:-3])
    with warnings.catch_warnings(), pytest.raises(InputError):
        warnings.simplefilter("error")
        read_image(tmp_path / "x.tif")
