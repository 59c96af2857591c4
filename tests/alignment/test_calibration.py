"""The calibration that an alignment takes from the evaluation of its model."""

import json

import pytest

from avae_jax.alignment.calibration import calibration_of
from avae_jax.inference.calibration import APPROXIMATE, Calibration
from avae_jax.training.workdir import WorkDir

FOUND = {
    "examples": 256,
    "temperature": 2.0,
    "width": 1.5,
    "tail": 0.1,
    "reach": 3.0,
    "anywhere": 0.03,
}


def evaluated(folder, uncertainty):
    (folder / "report").mkdir()
    text = json.dumps({"uncertainty": uncertainty})
    (folder / "report" / "summary.json").write_text(text)
    return WorkDir(folder)


def test_calibration_is_that_of_the_evaluation(tmp_path):
    """And the sentence says by how many examples."""
    found, note = calibration_of(evaluated(tmp_path, FOUND))
    assert found == Calibration(2.0, 1.5, 0.1, 3.0, 0.03)
    assert note == "uncertainty: calibrated by 256 held-out examples of the evaluation"


@pytest.mark.parametrize(
    "uncertainty",
    [
        None,
        {},
        dict.fromkeys(FOUND),
        {**FOUND, "width": "wide"},
        {**FOUND, "tail": 0.0},
        {**FOUND, "anywhere": "x"},
    ],
    ids=["none", "empty", "unknown", "text", "nothing", "anywhere"],
)
def test_without_evaluation_the_model_states_it(tmp_path, uncertainty):
    """Poses unknown, an earlier version, or a file that was changed."""
    found, note = calibration_of(evaluated(tmp_path, uncertainty))
    assert found == APPROXIMATE and "as the model states it" in note


def test_model_without_work_directory_states_it():
    """A packed one."""
    assert calibration_of(None)[0] == APPROXIMATE
