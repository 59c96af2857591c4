"""Tests of `avae_jax.data.formats.npy`."""

import numpy as np
import pytest

from tests.support.stack_samples import check, numbers, same_bytes


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "f4", ">f8", "?"])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 2), (7, 9, 3), (5, 5, 4), (6, 9, 7)])
def test_npy(shape, dtype, tmp_path):
    wanted = numbers(shape, dtype)
    np.save(tmp_path / "x.npy", wanted)
    target = check(tmp_path / "x.npy", wanted)
    np.testing.assert_array_equal(np.load(target), wanted[:, ::-1])
    same_bytes(tmp_path / "x.npy")


def test_npy_in_columns(tmp_path):
    wanted = numbers((9, 7), "f4")
    np.save(tmp_path / "x.npy", np.asfortranarray(wanted))
    target = check(tmp_path / "x.npy", wanted)
    assert np.load(target).flags.f_contiguous
