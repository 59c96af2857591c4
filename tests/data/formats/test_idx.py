"""Tests of `avae_jax.data.formats.idx`."""

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats.gzip_files import created
from avae_jax.data.formats.idx import read_idx
from tests.support.stack_samples import check, numbers, same_bytes


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("code, dtype", [(8, "u1"), (11, ">i2"), (13, ">f4")])
def test_idx(code, dtype, packed, tmp_path):
    wanted = numbers((9, 7), dtype)
    path = tmp_path / ("x.gz" if packed else "train-images-idx3-ubyte")
    with created(path, packed=packed) as file:
        sides = np.array(wanted.shape, ">u4").tobytes()
        file.write(bytes([0, 0, code, 3]) + sides + wanted.tobytes())
    target = check(path, wanted)
    assert target.read_bytes().startswith(b"\x1f\x8b") == packed
    same_bytes(path)


@pytest.mark.parametrize("packed", [False, True])
def test_idx_with_more_bytes_than_announced_refused(packed, tmp_path):
    """Four images of 5 x 6 numbers of two bytes, and one byte."""
    path = tmp_path / ("x.gz" if packed else "train-images-idx3-ubyte")
    with created(path, packed=packed) as file:
        file.write(bytes([0, 0, 11, 3]) + np.array([4, 5, 6], ">u4").tobytes() + bytes(241))
    with pytest.raises(InputError, match="more bytes than the 240 that its header announces"):
        read_idx(path)
