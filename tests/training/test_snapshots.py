"""Tests of `avae_jax.training.snapshots`."""

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.training.workdir import WorkDir


def test_snapshots_come_back_to_the_bit(tmp_path):
    """Moments come back to the bit."""
    rng = np.random.default_rng(0)
    arrays = {
        "pose": rng.normal(size=(5, 3, 3)).astype(np.float32),
        "label": np.arange(5),
        "name": np.array(["a", "bc"]),
    }
    with WorkDir(tmp_path) as workdir:
        workdir.save_snapshot(200, arrays)
        workdir.save_snapshot(7, {"pose": jnp.ones(2)})
        (first, _), (second, loaded) = workdir.load_snapshots()
    assert (first, second) == (7, 200)
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


def test_snapshots_are_no_objects(tmp_path):
    """Objects are no moment."""
    with WorkDir(tmp_path) as workdir, pytest.raises(ValueError, match="moment pose: object"):
        workdir.save_snapshot(1, {"pose": np.array([{}, None])})


@pytest.mark.parametrize("damage", [b"", b"PK", b"\x93NUMPY", None])
def test_snapshots_damaged_named(damage, tmp_path):
    """A damaged moment is named."""
    with WorkDir(tmp_path) as workdir:
        workdir.save_snapshot(1, {"pose": np.ones((20, 20))})
        (file,) = (tmp_path / "moments").iterdir()
        file.write_bytes(file.read_bytes()[:-40] if damage is None else damage)
        with pytest.raises(InputError, match="00000001.npz: truncated or garbled"):
            workdir.load_snapshots()
