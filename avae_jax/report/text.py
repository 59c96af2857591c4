"""Cleaning of outside text, formatting of numbers."""

import math
from typing import Any

import numpy as np

ABSENT = "\u2013"  # an en dash, for numbers that do not apply
ELLIPSIS = "\u2026"


def plain(text: Any, limit: int = 0) -> str:
    """`text` on one line without control characters, cut to `limit` characters if not 0.

    The result has only characters valid in XML, and is not escaped.
    """
    printable = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(printable.split())
    return line if not limit or len(line) <= limit else line[: limit - 1].rstrip() + ELLIPSIS


def real(value: Any) -> float:
    """`value` as a float; NaN if it is absent or not a number."""
    try:
        return math.nan if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def number(value: Any) -> str:
    """A number without more digits than a reader needs, a dash if it is absent or not finite.

    One decimal from 10 on, two from 1 on, two significant digits below.
    """
    size = real(value)
    if not math.isfinite(size):
        return ABSENT
    if abs(size) >= 1000 or size == int(size):
        return f"{size:,.0f}"
    return f"{size:.1f}" if abs(size) >= 10 else f"{size:.2f}" if abs(size) >= 1 else f"{size:.2g}"


def decimal(value: Any, digits: int = 1) -> str:
    """A number to so many decimals, a dash for what is absent or not finite."""
    size = real(value)
    return f"{size:,.{digits}f}" if math.isfinite(size) else ABSENT


def label_name(label: int, names: tuple[str, ...], limit: int = 0) -> str:
    """The name of `label`, or its number."""
    known = 0 <= label < len(names)
    return plain(names[label], limit) if known else str(label)


def strict(value: Any) -> Any:
    """`value` for JSON: Python numbers, `None` for non-finite ones."""
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return strict(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
