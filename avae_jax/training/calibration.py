"""The calibration of stated uncertainties that the evaluation of a model found."""

import math
import os
from pathlib import Path
from typing import Any, NamedTuple

from avae_jax.inference.calibration import Calibration
from avae_jax.training import packed_model
from avae_jax.training.workdir import WorkDir


class Found(NamedTuple):
    """A calibration, and the number of held-out examples that gave it."""

    calibration: Calibration
    examples: int


def found_calibration(path: str | os.PathLike) -> Found | None:
    """The calibration of a work directory or of a file of `pack`; `None` where there is none.

    Raises:
      InputError: the file is no model, or cannot be read.
    """
    if Path(path).is_file():
        found = packed_model.read_calibration(Path(path))
    else:
        summary = WorkDir(path).read_json("report/summary.json")
        found = summary.get("uncertainty") if isinstance(summary, dict) else None
    if not isinstance(found, dict):
        return None
    values = [found.get(name) for name in Calibration._fields]
    examples = found.get("examples")
    if not all(map(_is_factor, values)) or not isinstance(examples, int):
        return None
    return Found(Calibration(*values), examples)


def as_text(found: Found | None) -> dict[str, float] | None:
    """What `pack` writes of a calibration."""
    return found and {**found.calibration._asdict(), "examples": found.examples}


def _is_factor(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )
