"""The calibration that an evaluation found: in a work directory, and in the file of a model."""

import json

import numpy as np
import pytest

from avae_jax.config.options import Options
from avae_jax.core.errors import InputError
from avae_jax.inference.calibration import Calibration
from avae_jax.training import packed_model
from avae_jax.training.calibration import Found, as_text, found_calibration

FOUND = {
    "examples": 256,
    "temperature": 2.0,
    "width": 1.5,
    "tail": 0.1,
    "reach": 3.0,
    "anywhere": 0.03,
}
READ = Found(Calibration(2.0, 1.5, 0.1, 3.0, 0.03), 256)
UNUSABLE = {
    "none": None,
    "empty": {},
    "unknown": dict.fromkeys(FOUND),
    "text": {**FOUND, "width": "wide"},
    "nothing": {**FOUND, "tail": 0.0},
    "anywhere": {**FOUND, "anywhere": "x"},
    "examples": {**FOUND, "examples": None},
}


def evaluated(folder, uncertainty):
    (folder / "report").mkdir()
    text = json.dumps({"uncertainty": uncertainty})
    (folder / "report" / "summary.json").write_text(text)
    return folder


def packed(folder, uncertainty):
    path = folder / "model.npz"
    frame, tree = {"shape": [4, 4, 1], "fill": [0.0]}, {"met": np.zeros(2)}
    packed_model.write(path, Options(), frame, tree, calibration=uncertainty)
    return path


@pytest.mark.parametrize("kept", [evaluated, packed])
def test_calibration_is_read(kept, tmp_path):
    """From the summary of a report, and from a file."""
    assert found_calibration(kept(tmp_path, FOUND)) == READ
    assert as_text(READ) == FOUND


@pytest.mark.parametrize("kept", [evaluated, packed])
@pytest.mark.parametrize("uncertainty", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_calibration_is_none(kept, uncertainty, tmp_path):
    """Poses unknown, an earlier version, or a file that was changed."""
    assert found_calibration(kept(tmp_path, uncertainty)) is None


def test_without_report_there_is_none(tmp_path):
    assert found_calibration(tmp_path) is None
    assert as_text(None) is None


def test_other_files_are_refused(tmp_path):
    """A file that is no model has no calibration to read."""
    (tmp_path / "model.npz").write_text("something")
    with pytest.raises(InputError, match="of another kind, or damaged"):
        found_calibration(tmp_path / "model.npz")
