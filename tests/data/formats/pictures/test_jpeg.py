"""JPEG files: numbers to within what JPEG loses, and what is said of them."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.support.picture_folders import (
    COUNT,
    JPEGS,
    PROFILE,
    SMOOTH,
    files,
    folder_of,
    trained_on,
    unchanged,
)


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
