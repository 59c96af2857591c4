"""A model as one file: what it holds, and files that are no such thing."""

from pathlib import Path

import numpy as np
import pytest

from avae_jax.config.options import Options
from avae_jax.core.errors import InputError
from avae_jax.training import packed_model

FRAME = {"shape": [4, 4, 1], "fill": [0.0]}
TREE = {"params": {"kernel": np.ones((2, 3), np.float32)}, "met": np.zeros(2), "head": None}


@pytest.fixture
def file(tmp_path) -> Path:
    packed_model.write(tmp_path / "model.npz", Options(seed=3), FRAME, TREE)
    return tmp_path / "model.npz"


def test_what_was_written_is_read(file):
    packed = packed_model.read(file)
    assert packed.options == Options(seed=3) and packed.frame == FRAME
    assert sorted(packed.arrays) == ["met", "params/kernel"]
    tree = packed_model.like(TREE, packed.arrays, path=file)
    np.testing.assert_array_equal(tree["params"]["kernel"], TREE["params"]["kernel"])
    assert tree["head"] is None


def test_nothing_is_written_over(file):
    before = file.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        packed_model.write(file, Options(), FRAME, TREE)
    assert file.read_bytes() == before
    with pytest.raises(InputError, match="cannot be written"):
        packed_model.write(file.parent / "nowhere" / "model.npz", Options(), FRAME, TREE)


def test_another_model_is_refused_by_the_array_that_differs(file):
    wider = {**TREE, "params": {"kernel": np.ones((2, 4), np.float32)}}
    with pytest.raises(InputError, match=r"holds float32\[2, 3\] at params/kernel"):
        packed_model.like(wider, packed_model.read(file).arrays, path=file)


@pytest.mark.parametrize("kind", ["cut", "text", "npz", "later"])
def test_other_files_are_refused(file, kind):
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
