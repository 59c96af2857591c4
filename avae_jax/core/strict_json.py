"""Strict JSON within bounds, for files that others may have written or damaged."""

import errno
import json
import math
from pathlib import Path
from typing import Any

# Of a file or a line; what the package writes is far smaller.
MOST_BYTES = 2**26


def read(path: Path, *, finite: bool = True) -> Any:
    """The value of a JSON file.

    Raises:
      OSError: it cannot be read, or is no regular file: a pipe would be waited for.
      ValueError: not what `parse` takes.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "no regular file")
    with path.open("rb") as file:
        return parse(file.read(MOST_BYTES + 1), finite=finite)


def read_or_none(path: Path) -> Any:
    """The value of a JSON file; None where it is absent, cannot be read or is not strict JSON."""
    try:
        return read(path)
    except (OSError, ValueError):
        return None


def parse(text: bytes, *, finite: bool = True) -> Any:
    """The value that `text` spells.

    Args:
      finite: refuse numbers that are not; otherwise they are for the caller to judge.

    Raises:
      ValueError: no JSON, more than `MOST_BYTES`, nested too deeply, or a name that stands
        twice in one object.
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
