"""The calibration of an alignment."""

from avae_jax.alignment.calibration import calibration_of
from avae_jax.inference.calibration import APPROXIMATE, Calibration
from avae_jax.training.calibration import Found


def test_calibration_is_that_of_the_evaluation():
    """And the sentence says by how many examples."""
    known = Calibration(2.0, 1.5, 0.1, 3.0, 0.03)
    found, note = calibration_of(Found(known, 256))
    assert found == known
    assert note == "uncertainty: calibrated by 256 held-out examples of the evaluation"


def test_without_evaluation_the_model_states_it():
    """Poses unknown, or a model of an earlier version."""
    found, note = calibration_of(None)
    assert found == APPROXIMATE and "as the model states it" in note
