"""Headline numbers of a run."""

import math

from avae_jax.report.summary import Summary
from avae_jax.report.text import number, real


def tiles(summary: Summary) -> str:
    """The headline as HTML; numbers that do not apply are left out."""
    loss, pose, search = summary.loss, summary.pose, summary.search
    found = (
        _tile(loss.posed_search, "nats", "loss with search", _ratio(summary)),
        _tile(pose.resultant_length, "", "resultant length", "1: one common pose"),
        _tile(100 * real(pose.within_20), "%", "within 20&deg;", "of the common pose"),
        _tile(search.forward_equivalents, "forwards", "cost of a search", _time(summary)),
    )
    return f'<div class="tiles">{"".join(found)}</div>' if any(found) else ""


def _ratio(summary: Summary) -> str:
    without = real(summary.loss.posed)
    if not without > 0:
        return ""
    return f"{number(without)} without: {real(summary.loss.posed_search) / without:.2f} times"


def _time(summary: Summary) -> str:
    seconds = real(summary.search.seconds_per_example)
    if not math.isfinite(seconds):
        return ""
    return f"{1000 * seconds:.3g} ms per example" if seconds < 1 else f"{seconds:.3g} s per example"


def _tile(value: float | None, unit: str, name: str, note: str) -> str:
    if not math.isfinite(real(value)):
        return ""
    return (
        f'<div class="tile">{name}<b>{number(value)}<small> {unit}</small></b>'
        f"<span>{note}</span></div>"
    )
