"""The report of a run: one page of pictures and numbers, and the numbers as JSON."""

from avae_jax.report.findings import (
    Agreement,
    Atlas,
    Curve,
    Exploration,
    Findings,
    Gallery,
    LabelAgreement,
    Reliability,
    Run,
    Snapshot,
    Trial,
    Walks,
)
from avae_jax.report.summary import Summary
from avae_jax.report.writing import write

__all__ = [
    "Agreement",
    "Atlas",
    "Curve",
    "Exploration",
    "Findings",
    "Gallery",
    "LabelAgreement",
    "Reliability",
    "Run",
    "Snapshot",
    "Summary",
    "Trial",
    "Walks",
    "write",
]
