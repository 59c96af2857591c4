"""BMP files come back to the byte."""

import numpy as np
import pytest
from PIL import Image

from tests.support.picture_folders import COUNT, GREY, RGB, files, folder_of, numbers, unchanged


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
