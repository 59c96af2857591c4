"""The calibration of the stated uncertainty of poses, as the evaluation of a model found it."""

import math
from typing import Any

from avae_jax.inference.calibration import APPROXIMATE, Calibration
from avae_jax.training.workdir import WorkDir


def calibration_of(workdir: WorkDir | None) -> tuple[Calibration, str]:
    """The calibration of a work directory or, where it has none, of any, and a sentence on it."""
    summary = workdir.read_json("report/summary.json") if workdir else None
    found = summary.get("uncertainty") if isinstance(summary, dict) else None
    if isinstance(found, dict):
        values = [found.get(name) for name in Calibration._fields]
        if all(map(_is_factor, values)):
            note = f"by {found.get('examples')} held-out examples of the evaluation"
            return Calibration(*values), f"uncertainty: calibrated {note}"
    return APPROXIMATE, (
        "uncertainty: as the model states it, which is sure of more than it should be; "
        "an evaluation on objects of known poses calibrates it"
    )


def _is_factor(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )
