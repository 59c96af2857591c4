"""Headline numbers of a run, each with its explanation."""

import math
from typing import Any

from avae_jax.report.summary import Summary
from avae_jax.report.text import decimal, real

WHY = {
    "loss": "The negative evidence lower bound (ELBO) of held-out examples in random poses, each "
    "at the pose that the search found; lower is better. A nat is 1.44 bits of information.",
    "near": "Objects of one label should share one pose after they were aligned. This is the share "
    "of held-out examples whose pose lies within 20 degrees of the mean pose of their label, which "
    "is estimated on other examples.",
    "length": "How far the aligned poses of a label agree: 1 if all are the same, near 0 if they "
    "are spread evenly over all directions.",
    "cost": "Time of the search on this device, and its operations in forward passes of the model.",
}

# What the name of each tile is linked to.
TERM = {
    "loss": "loss",
    "near": "common pose",
    "length": "resultant length",
    "cost": "forward pass",
}


def tiles(summary: Summary) -> list[dict[str, Any]]:
    """The headline; numbers that do not apply are left out.

    Each has a `name`, a `value` with `digits` decimals and a `unit`, a `note`, `why` it
    matters and the `term` that defines it.
    """
    loss, pose, search = summary.loss, summary.pose, summary.search
    forwards = f"{decimal(search.forward_equivalents, 0)} forward passes of the model"
    time, unit = _time(real(search.seconds_per_example))
    found = (
        _tile("near", 100 * real(pose.within_20), 0, "%", "within 20\u00b0", "of the common pose"),
        _tile("length", pose.resultant_length, 2, "", "resultant length", "1: one common pose"),
        _tile("loss", loss.posed_search, 1, "nats", "loss with search", _ratio(summary)),
        _tile("cost", time, 2 if time < 10 else 0, unit, "search of an example", forwards),
    )
    return [tile for tile in found if math.isfinite(real(tile["value"]))]


def _ratio(summary: Summary) -> str:
    without = real(summary.loss.posed)
    if not without > 0:
        return ""
    ratio = real(summary.loss.posed_search) / without
    return f"{decimal(without)} without: {ratio:.2f} times"


def _time(seconds: float) -> tuple[float, str]:
    return (1000 * seconds, "ms") if seconds < 1 else (seconds, "s")


def _tile(
    why: str, value: float | None, digits: int, unit: str, name: str, note: str
) -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "digits": digits,
        "unit": unit,
        "note": note,
        "why": WHY[why],
        "term": TERM[why],
    }
