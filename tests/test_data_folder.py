"""`folder:PATH`."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.formats.pictures import read_image

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 7), np.uint8)
RGB = RNG.integers(0, 256, (6, 7, 3), np.uint8)


def written(folder, names, pixels=GREY):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def loaded(folder, **options):
    return load(DataOptions(source=f"folder:{folder}", **options), seed=0)


def test_labels_are_the_first_folders(tmp_path):
    written(tmp_path, [f"cat/{i}.png" for i in range(4)], np.full((6, 7), 50, np.uint8))
    written(tmp_path, [f"dog/deep/{i}.PNG" for i in range(6)], np.full((6, 7), 200, np.uint8))
    dataset = loaded(tmp_path)
    assert dataset.label_names == ("cat", "dog")
    np.testing.assert_array_equal(dataset.train_labels, dataset.train[:, 0, 0, 0] > 0.5)
    np.testing.assert_array_equal(dataset.test_labels, dataset.test[:, 0, 0, 0] > 0.5)


def test_images_without_folders_have_no_labels(tmp_path):
    written(tmp_path, ["a.png", "b.png", "c.tif"])
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image")
    dataset = loaded(tmp_path)
    assert len(dataset.train) + len(dataset.test) == 3
    assert dataset.train_labels is None and dataset.label_names == ()


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
def test_pixels_are_read_as_they_are_stored(tmp_path, pixels, suffix):
    written(tmp_path, [f"x{suffix}"], pixels)
    image = read_image(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(image, pixels.reshape(6, 7, -1))
    assert image.dtype == pixels.dtype


def test_float_images_are_read(tmp_path):
    written(tmp_path, ["x.tif"], RNG.random((6, 7)).astype(np.float32))
    assert read_image(tmp_path / "x.tif").dtype == np.float32


def test_jpeg_is_close(tmp_path):
    smooth = np.add.outer(np.arange(16), np.arange(16)).astype(np.uint8) * 4
    Image.fromarray(smooth).save(tmp_path / "x.jpg", quality=95)
    np.testing.assert_allclose(read_image(tmp_path / "x.jpg")[..., 0], smooth, atol=6)


def test_palettes_become_colours(tmp_path):
    Image.fromarray(RGB).convert("P").save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png").shape == (6, 7, 3)


@pytest.mark.parametrize("odd", [GREY[:5], RGB, GREY.astype(np.uint16)])
def test_the_first_odd_image_is_named(tmp_path, odd):
    written(tmp_path, ["a.png", "b.png", "e.png"])
    written(tmp_path, ["c.png", "d.png"], odd)
    with pytest.raises(InputError, match=r"[cd].png: .*but .*a.png is 6 x 7 x 1 of uint8"):
        loaded(tmp_path)


def test_images_beside_label_folders_are_refused(tmp_path):
    written(tmp_path, ["cat/a.png", "dog/b.png", "stray.png"])
    with pytest.raises(InputError, match="stray.png: lies beside folders"):
        loaded(tmp_path)


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="no image in it; PNG, JPEG or TIFF"):
        loaded(tmp_path)


def test_a_stack_of_pages_is_refused(tmp_path):
    pages = [Image.fromarray(GREY) for _ in range(3)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match="3 pages"):
        read_image(tmp_path / "x.tif")


def test_of_a_jpeg_with_a_preview_the_picture_is_read(tmp_path):
    picture, preview = Image.fromarray(RGB), Image.fromarray(RGB[:3])
    picture.save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=[preview])
    assert read_image(tmp_path / "x.jpg").shape == (6, 7, 3)


def test_an_image_of_too_many_pixels_is_refused(tmp_path, monkeypatch):
    written(tmp_path, ["x.png"])
    for most in (30, 5):  # Pillow warns above the limit and refuses above twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        with pytest.raises(InputError, match="x.png: .*decompression bomb"):
            read_image(tmp_path / "x.png")


def test_an_image_that_no_file_of_its_size_can_hold_is_refused(tmp_path):
    written(tmp_path, ["x.png"])
    whole = bytearray((tmp_path / "x.png").read_bytes())
    # Signature, length and name of the header, which begins with width and height.
    whole[16:24] = struct.pack(">II", 9, 8_000_000)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    (tmp_path / "x.png").write_bytes(whole)
    with pytest.raises(InputError, match="x.png: 9 x 8000000 pixels in a file of"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_truncated_or_damaged_image_is_one_sentence(tmp_path, suffix):
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


def test_a_truncated_image_warns_nobody(tmp_path):
    written(tmp_path, ["x.tif"])
    (tmp_path / "x.tif").write_bytes((tmp_path / "x.tif").read_bytes()[:-3])
    with warnings.catch_warnings(), pytest.raises(InputError):
        warnings.simplefilter("error")
        read_image(tmp_path / "x.tif")


def test_only_the_images_asked_for_are_read(tmp_path):
    written(tmp_path, [f"{i:02}.png" for i in range(20)])
    whole = loaded(tmp_path, limit=2)
    # An unreadable file matters only if it is one of the two of either split.
    missed = []
    for path in sorted(tmp_path.iterdir())[1:]:
        content = path.read_bytes()
        path.write_bytes(b"")
        try:
            np.testing.assert_array_equal(loaded(tmp_path, limit=2).train, whole.train)
        except InputError:
            missed.append(path.name)
        path.write_bytes(content)
    assert 3 <= len(missed) <= 4
