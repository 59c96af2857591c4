"""How well the poses of each label agree: the verdict and the numbers of labels."""

import math
from typing import Any

import numpy as np

from avae_jax.report import settled
from avae_jax.report.findings import Findings
from avae_jax.report.settled import NEAR
from avae_jax.report.text import label_name

MOST = 40  # labels in the table


def verdict(findings: Findings) -> str:
    """One to three plain sentences about what the model has learned."""
    found = findings.agreement
    if found is None or not len(found.degrees):
        return _without_poses(findings)
    near, count = float((found.degrees < NEAR).mean()), len(found.degrees)
    pose = "the common pose of their label" if len(found.labels) > 1 else "one common pose"
    said = [
        f"{near:.0%} of {count:,} held-out examples were brought within {NEAR:.0f} degrees of "
        f"{pose}; poses at random would give {chance(found.dimensions):.0%}."
    ]
    said += [settled.sentence(found, findings.label_names), settled.advice(findings.summary)]
    return " ".join(filter(None, said))


def chance(dimensions: int) -> float:
    """The share of rotations at random that are near a given one."""
    angle = math.radians(NEAR)
    return angle / math.pi if dimensions == 2 else (angle - math.sin(angle)) / math.pi


def _without_poses(findings: Findings) -> str:
    loss = findings.summary.loss
    if loss.posed is None or loss.posed_search is None:
        return ""
    return (
        f"The search lowers the loss of held-out examples from {loss.posed:.1f} to "
        f"{loss.posed_search:.1f} nats. What pose they should share is not known, so their poses "
        "are not scored."
    )


def labels(findings: Findings) -> dict[str, Any] | None:
    """How far the poses of each label agree; `None` where that is not known."""
    found, names = findings.agreement, findings.label_names
    if found is None or not len(found.degrees):
        return None
    rows = [
        {
            "name": label_name(label.label, names) if names else "all",
            "state": settled.state(label),
            **label._asdict(),
        }
        for label in found.labels
    ]
    return {"at_random_within_20": chance(found.dimensions), "labels": rows}


# Classes of the style sheet, by state.
CLASSES = {
    settled.SETTLED: "settled",
    settled.SYMMETRIC: "settled",
    settled.TWO_POSES: "two",
    settled.OPEN: "open",
}


def shares(degrees: np.ndarray, bins: int = 18) -> tuple[np.ndarray, np.ndarray]:
    """Edges `[bins + 1]` in degrees and the share of examples in each bin."""
    counts, edges = np.histogram(degrees, bins=bins, range=(0.0, 180.0))
    return edges, counts / max(len(degrees), 1)
