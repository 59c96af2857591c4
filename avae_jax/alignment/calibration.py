"""The calibration of the stated uncertainty of poses."""

from avae_jax.inference.calibration import APPROXIMATE, Calibration
from avae_jax.training.calibration import Found


def calibration_of(found: Found | None) -> tuple[Calibration, str]:
    """The calibration of a model or, where it has none, of any, and a sentence on it."""
    if found:
        note = f"by {found.examples} held-out examples of the evaluation"
        return found.calibration, f"uncertainty: calibrated {note}"
    return APPROXIMATE, (
        "uncertainty: as the model states it, which is sure of more than it should be; "
        "an evaluation on objects of known poses calibrates it"
    )
