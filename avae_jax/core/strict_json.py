"""Strict, bounded JSON for files that may be damaged or from others."""

import errno
import json
import math
from pathlib import Path
from typing import Any

# Largest file or line; files of this package are far smaller.
MOST_BYTES = 2**26


def read(path: Path, *, finite: bool = True) -> Any:
    """The value of a JSON file.

    Raises:
      OSError: it cannot be read, or is not a regular file: reading a pipe would block.
      ValueError: as for `parse`.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        return parse(file.read(MOST_BYTES + 1), finite=finite)


def read_or_none(path: Path) -> Any:
    """The value of a JSON file; None if it is absent, unreadable or not strict JSON."""
    try:
        return read(path)
    except (OSError, ValueError):
        return None


def object_or_none(path: Path) -> dict[str, Any] | None:
    """The JSON object of a small file; `None` if it is absent, garbled or another value."""
    value = read_or_none(path)
    return value if isinstance(value, dict) else None


def parse(text: bytes, *, finite: bool = True) -> Any:
    """The value of a JSON `text`.

    Args:
      finite: refuse numbers that are not finite; otherwise the caller checks them.

    Raises:
      ValueError: not JSON, more than `MOST_BYTES`, nested too deeply, or a duplicate name in
        one object.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    number = _finite if finite else float
    try:
        return json.loads(
            text, object_pairs_hook=_unique, parse_float=number, parse_constant=number
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not finite")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict:
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError("a name stands there twice")
    return named
