"""Tests of `avae_jax.data.formats.npz`."""

import numpy as np
import pytest

from tests.support.stack_samples import COUNT, check, numbers, same_bytes


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_keeps_its_other_arrays(save, tmp_path):
    wanted, labels = numbers((9, 7, 3), ">u2"), np.arange(COUNT)
    save(tmp_path / "x.npz", images=wanted, labels=labels)
    target = check(tmp_path / "x.npz", wanted)
    with np.load(target) as made:
        np.testing.assert_array_equal(made["labels"], labels)
        assert made["images"].dtype == ">u2"
    same_bytes(tmp_path / "x.npz")


def test_npz_in_columns(tmp_path):
    wanted = numbers((9, 7), "f4")
    np.savez(tmp_path / "x.npz", np.asfortranarray(wanted))
    check(tmp_path / "x.npz", wanted)
