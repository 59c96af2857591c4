"""Tests of `avae_jax.training.checkpoint_seal`."""

import hashlib
import json

import jax
import numpy as np
import pytest

from avae_jax.training import checkpoint_seal

STATE = {"w": np.zeros((3, 2), np.float32), "b": np.zeros(2, np.int32)}


@pytest.fixture
def folder(tmp_path):
    """A sealed checkpoint of one file."""
    (tmp_path / "5" / "state").mkdir(parents=True)
    (tmp_path / "5" / "state" / "arrays").write_bytes(b"numbers")
    checkpoint_seal.write(tmp_path / "5", checkpoint_seal.description(STATE), 1.5)
    return tmp_path / "5"


def test_seal_is_what_later_versions_will_read(folder):
    """A seal of another form is of another format, with a test that reads the earlier one."""
    seal = json.loads((folder / "seal.json").read_text())
    assert seal["format"] == 2 and seal["loss"] == 1.5
    assert seal["arrays"] == {"['b']": "int32(2,)", "['w']": "float32(3, 2)"}
    assert seal["files"] == {"state/arrays": hashlib.sha256(b"numbers").hexdigest()}


def test_damage_none_of_what_was_saved(folder):
    assert checkpoint_seal.find_damage(folder) is None
    assert checkpoint_seal.find_mismatch(folder, checkpoint_seal.description(STATE)) is None


@pytest.mark.parametrize("text", [b"number", b"numberz", None])
def test_damage_names_a_changed_file(text, folder):
    file = folder / "state" / "arrays"
    file.unlink() if text is None else file.write_bytes(text)
    assert checkpoint_seal.find_damage(folder) == "state/arrays is truncated, garbled or gone"


UNSOUND = ('{"arrays": {}, "files": 3}', '{"arrays": {"w": "1"}, "files": {"a": "1", "b": 3}}')


@pytest.mark.parametrize("text", ["", "[]", *UNSOUND, "{" * 100_000])
def test_damage_of_the_seal_itself(text, folder):
    (folder / checkpoint_seal.NAME).write_text(text)
    assert "seal.json cannot be read" in checkpoint_seal.find_damage(folder)


@pytest.mark.parametrize("version", [checkpoint_seal.FORMAT + 1, "2", None])
def test_damage_of_a_later_format(version, folder):
    seal = json.loads((folder / checkpoint_seal.NAME).read_text()) | {"format": version}
    (folder / checkpoint_seal.NAME).write_text(json.dumps(seal))
    assert f"cannot be read, of format {version}" in checkpoint_seal.find_damage(folder)


def test_mismatch_names_the_first_array_that_differs(folder):
    other = STATE | {"w": np.zeros((3, 4), np.float32)}
    said = checkpoint_seal.find_mismatch(folder, checkpoint_seal.description(other))
    assert said == "holds float32(3, 2) at ['w'] where float32(3, 4) is wanted"


def test_losses_of_readable_seals(folder):
    (folder.parent / "6").mkdir()
    (folder.parent / "6" / checkpoint_seal.NAME).write_text("garbled")
    assert checkpoint_seal.losses(folder.parent, [5, 6, 7]) == {5: 1.5}
    seal = json.loads((folder / checkpoint_seal.NAME).read_text()) | {"loss": None}
    (folder / checkpoint_seal.NAME).write_text(json.dumps(seal))
    assert checkpoint_seal.losses(folder.parent, [5]) == {}


def test_mismatch_of_64_bits_names_the_variable(folder):
    arrays = checkpoint_seal.description(STATE | {"w": np.zeros((3, 2))})
    said = checkpoint_seal.find_mismatch(folder, arrays)
    assert said.endswith("float64(3, 2) is wanted; JAX_ENABLE_X64 is not set here")
    with jax.enable_x64(True):
        said = checkpoint_seal.find_mismatch(folder, arrays)
    assert said.endswith("; JAX_ENABLE_X64 is set here")
