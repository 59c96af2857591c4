"""The few numbers that tell at a glance how a run went."""

import math
from collections.abc import Callable
from typing import Any

from avae_jax.report import table
from avae_jax.report.text import number, real


def tiles(summary: dict[str, Any]) -> str:
    """The headline as HTML; numbers that do not apply are left out."""
    values = {key: real(value) for key, value in table.flat(summary).items()}

    def value(key: str) -> float:
        return values.get(key, math.nan)

    found = (
        _tile(value("loss.posed_search"), "nats", "loss with search", _ratio(value)),
        _tile(value("pose.resultant_length"), "", "resultant length", "1: one common pose"),
        _tile(100 * value("pose.within_20"), "%", "within 20&deg;", "of the common pose"),
        _tile(value("search.forward_equivalents"), "forwards", "cost of a search", _time(value)),
    )
    return f'<div class="tiles">{"".join(found)}</div>' if any(found) else ""


def _ratio(value: Callable[[str], float]) -> str:
    without = value("loss.posed")
    if not without > 0:
        return ""
    return f"{number(without)} without: {value('loss.posed_search') / without:.2f} times"


def _time(value: Callable[[str], float]) -> str:
    seconds = value("search.seconds_per_example")
    if not math.isfinite(seconds):
        return ""
    return f"{1000 * seconds:.3g} ms per example" if seconds < 1 else f"{seconds:.3g} s per example"


def _tile(value: float, unit: str, name: str, note: str) -> str:
    if not math.isfinite(value):
        return ""
    return (
        f'<div class="tile">{name}<b>{number(value)}<small> {unit}</small></b>'
        f"<span>{note}</span></div>"
    )
