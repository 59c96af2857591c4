"""Tests of `avae_jax.data.formats.image_folder`."""

import mrcfile
import numpy as np
import pytest
from PIL import Image

from tests.support.stack_samples import COUNT, check, copied, numbers


@pytest.mark.parametrize(
    "mode, shape, dtype, end",
    [
        ("L", (9, 7), "u1", "png"),
        ("1", (9, 7), "?", "png"),
        ("LA", (9, 7, 2), "u1", "png"),
        ("RGB", (9, 7, 3), "u1", "png"),
        ("RGBA", (7, 9, 4), "u1", "png"),
        ("I;16", (9, 7), "<u2", "png"),
        ("I;16B", (9, 7), ">u2", "tif"),
        ("F", (9, 7), "<f4", "tif"),
    ],
)
def test_image_folder(mode, shape, dtype, end, tmp_path):
    """A folder of images."""
    wanted, folder = numbers(shape, dtype), tmp_path / "mine"
    (folder / "inner").mkdir(parents=True)
    for n, image in enumerate(wanted):
        path = folder / ("inner" if n else ".") / f"{n}.{end}"
        size = image.shape[1::-1]
        if mode == "I;16B":
            Image.frombytes(mode, size, image.tobytes()).save(path)
        else:
            Image.fromarray(image).save(path, dpi=(300, 300))
    # In order of the paths, in which digits stand before letters.
    with_channels = wanted if wanted.ndim == 4 else wanted[..., None]
    target = check(folder, with_channels)
    with Image.open(target / "inner" / f"2.{end}") as made:
        assert made.mode == mode
        if end == "png":
            assert made.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_image_folder_of_jpeg_nearly_the_same(tmp_path):
    """A folder of jpeg is near what it was."""
    folder = tmp_path / "mine"
    folder.mkdir()
    smooth = (np.add.outer(np.arange(24), np.arange(32)) * 4).astype("u1")
    for n in range(COUNT):
        Image.fromarray(smooth + n).save(folder / f"{n}.jpg")
    _, made, target = copied(folder)
    assert (target / "0.jpg").read_bytes().startswith(b"\xff\xd8")
    assert np.abs(made[3, :, :, 0].astype(int) - smooth[::-1] - 3).max() <= 4


def test_image_folder_of_volumes(tmp_path):
    wanted, folder = numbers((6, 9, 7), "f4"), tmp_path / "mine"
    folder.mkdir()
    for n, volume in enumerate(wanted):
        with mrcfile.new(folder / f"{n}.mrc") as file:
            file.set_data(volume)
            file.voxel_size = 2.0
    target = check(folder, wanted)
    with mrcfile.open(target / "3.mrc") as file:
        assert file.voxel_size.x == 2.0
