"""Tests of `avae_jax.data.formats.hdf5`."""

import h5py
import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack
from tests.support.stack_samples import COUNT, check, numbers, same_bytes


def test_hdf5_keeps_everything_else(tmp_path):
    wanted = numbers((9, 7, 2), ">f4")
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        made = file.create_dataset("a/stack", data=wanted, chunks=(1, 9, 7, 2), compression="gzip")
        made.attrs["pixel_nm"] = 2.5
        file["a/weights"], file["labels"] = np.ones(3), np.arange(COUNT)
        file["a/b/other"] = numbers((4, 4), "u1")
        file.attrs["maker"] = "us"
    target = check(path, wanted, suffix=":a/stack")
    with h5py.File(target) as file:
        assert file.attrs["maker"] == "us" and file["a/stack"].attrs["pixel_nm"] == 2.5
        assert file["a/stack"].chunks == (1, 9, 7, 2) and file["a/stack"].compression == "gzip"
        assert file["labels"].shape == (COUNT,) and "a/b/other" in file and "a/weights" in file
    same_bytes(path, suffix=":a/stack")
    with pytest.raises(InputError, match=r"holds a/b/other \(5, 4, 4\) uint8, a/stack"):
        with open_stack(str(path)):
            pass
    with pytest.raises(InputError, match="x.h5:NAME"), open_stack(f"{path}:nothing"):
        pass
