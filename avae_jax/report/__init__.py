"""The report of a run: one page of pictures and numbers, and the numbers as JSON."""

from avae_jax.report.findings import Atlas, Curve, Exploration, Findings, Gallery, Snapshot, Trial
from avae_jax.report.summary import Summary
from avae_jax.report.writing import write

__all__ = [
    "Atlas",
    "Curve",
    "Exploration",
    "Findings",
    "Gallery",
    "Snapshot",
    "Summary",
    "Trial",
    "write",
]
