"""A model as one file: what it holds, and files that are no such thing."""

from pathlib import Path

import jax
import numpy as np
import pytest

import avae_jax
from avae_jax.config.options import Options
from avae_jax.core.errors import InputError
from avae_jax.training import packed_model

pytestmark = pytest.mark.standard


def test_pack_and_load_give_the_same_model(digits, tmp_path):
    """A model in one file is the model of its work directory."""
    workdir, _ = digits
    avae_jax.pack(workdir, tmp_path / "model.npz")
    one, other = avae_jax.load(workdir), avae_jax.load(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").stat().st_size < 3e6
    for here, there in ((one.params, other.params), (one.met, other.met)):
        jax.tree.map(np.testing.assert_array_equal, here, there)
    assert one.search == other.search and one.avae.inner == other.avae.inner
    np.testing.assert_allclose(one.bank.weights, other.bank.weights, atol=1e-3)
    with pytest.raises(InputError, match="exists already"):
        avae_jax.pack(workdir, tmp_path / "model.npz")
    with pytest.raises(InputError, match="no config.json"):
        avae_jax.load(tmp_path / "nowhere.npz")


FRAME = {"shape": [4, 4, 1], "fill": [0.0]}
TREE = {"params": {"kernel": np.ones((2, 3), np.float32)}, "met": np.zeros(2), "head": None}


@pytest.mark.quick
@pytest.mark.parametrize(
    ("value", "sound"),
    [
        *[(FRAME, True), ({"shape": [4, 4, 4, 2], "fill": [0.0, 1.0]}, True)],
        *[(None, False), ([], False), ({"shape": [4, 4, 1]}, False), ({**FRAME, "size": 4}, False)],
        *[({**FRAME, "shape": [4, 1]}, False), ({**FRAME, "shape": [4, 0, 1]}, False)],
        *[({**FRAME, "fill": [0]}, False), ({**FRAME, "fill": [0.0, 0.0]}, False)],
    ],
)
def test_is_frame_tells_a_shape_and_its_fill_from_all_else(value, sound):
    assert packed_model.is_frame(value) == sound


@pytest.fixture
def file(tmp_path) -> Path:
    packed_model.write(tmp_path / "model.npz", Options(seed=3), FRAME, TREE)
    return tmp_path / "model.npz"


def test_read_returns_what_was_written(file):
    packed = packed_model.read(file)
    assert packed.options == Options(seed=3) and packed.frame == FRAME
    assert sorted(packed.arrays) == ["met", "params/kernel"]
    tree = packed_model.like(TREE, packed.arrays, path=file)
    np.testing.assert_array_equal(tree["params"]["kernel"], TREE["params"]["kernel"])
    assert tree["head"] is None


def test_calibration_makes_a_file_of_version_2(file):
    """Without one, versions before read it too."""
    other = file.parent / "calibrated.npz"
    packed_model.write(other, Options(), FRAME, TREE, calibration={"width": 2.0})
    assert packed_model.read(other).calibration == {"width": 2.0}
    assert packed_model.read(file).calibration is None
    for path, version in ((file, 1), (other, 2)):
        with np.load(path) as entries:
            assert int(entries[packed_model.KIND]) == version


def test_write_refuses_an_existing_file(file):
    """Nothing is written over."""
    before = file.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        packed_model.write(file, Options(), FRAME, TREE)
    assert file.read_bytes() == before
    with pytest.raises(InputError, match="cannot be written"):
        packed_model.write(file.parent / "nowhere" / "model.npz", Options(), FRAME, TREE)


def test_like_refuses_another_model_by_its_array(file):
    """Another model is refused by the array that differs."""
    wider = {**TREE, "params": {"kernel": np.ones((2, 4), np.float32)}}
    with pytest.raises(InputError, match=r"holds float32\[2, 3\] at params/kernel"):
        packed_model.like(wider, packed_model.read(file).arrays, path=file)


@pytest.mark.parametrize("kind", ["cut", "text", "npz", "later"])
def test_read_refuses_other_files(file, kind):
    """Other files are refused."""
    if kind == "cut":
        file.write_bytes(file.read_bytes()[:-200])
    elif kind == "text":
        file.write_text("no model")
    elif kind == "npz":
        np.savez(file, images=np.zeros(3))
    else:
        np.savez(file, avae_jax=np.array(99), config=np.array("{}"), frame=np.array("{}"))
    with pytest.raises(
        InputError, match="model.npz: .*99" if kind == "later" else "another kind, or damaged"
    ):
        packed_model.read(file)
