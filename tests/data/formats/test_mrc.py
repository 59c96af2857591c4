"""Tests of `avae_jax.data.formats.mrc`."""

import mrcfile
import numpy as np
import pytest

from avae_jax.data.formats import open_stack
from tests.support.stack_samples import check, numbers, same_bytes


@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2"])
def test_mrc_keeps_its_pixel_size(dtype, tmp_path):
    wanted, path = numbers((9, 7), "f4").astype(dtype) // 2, tmp_path / "x.mrcs"
    with mrcfile.new(path) as file:
        file.set_data(wanted)
        file.voxel_size = 1.35
        file.add_label("ours")
    target = check(path, wanted)
    with mrcfile.open(target) as file:
        assert file.voxel_size.x == np.float32(1.35) and "ours" in file.get_labels()
        assert file.header.dmax == file.data.max()
        np.testing.assert_allclose(file.header.rms, file.data.std(dtype="f8"), rtol=1e-4)
    # The library's own check sums up in the type of the data, which overflows here.
    assert dtype == "f2" or mrcfile.validate(target)
    same_bytes(path)


def test_mrc_of_the_other_byte_order(tmp_path):
    wanted, path = numbers((9, 7), ">f4"), tmp_path / "x.mrcs"
    with mrcfile.new(path) as file:
        file.set_data(wanted)
    assert check(path, wanted).read_bytes()[212:214] == b"\x11\x11"


def test_mrc_of_volumes(tmp_path):
    wanted, path = numbers((6, 9, 7), "f4"), tmp_path / "x.mrc"
    with mrcfile.new(path) as file:
        file.set_data(wanted)
    check(path, wanted)


@pytest.mark.parametrize(
    ("count", "length", "size"),
    [(7, 3.5, 0.5), (0, 3.5, 0), (7, 0, 0), (7, -3.5, 0), (7, np.nan, 0)],
)
def test_mrc_pixel_size_is_the_length_over_the_count_or_unknown(count, length, size, tmp_path):
    """Along x; that along y stays."""
    path = tmp_path / "x.mrcs"
    with mrcfile.new(path) as file:
        file.set_data(numbers((9, 7), "f4"))
        file.voxel_size = 2.0
        file.header.mx, file.header.cella.x = count, length
    with open_stack(str(path)) as stack:
        assert stack.pixel == (2.0, size)
