"""JSON that others may have written or damaged: strict values within bounds, or none."""

import json
import math
from pathlib import Path
from typing import Any

# Of a file or a line; what the package writes is far smaller.
MOST_BYTES = 2**26


def read(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
      OSError: it cannot be read.
      ValueError: it is no regular file, too long, or not what `parse` takes.
    """
    if path.exists() and not path.is_file():
        raise ValueError("no regular file")
    with path.open("rb") as file:
        return parse(file.read(MOST_BYTES + 1))


def parse(text: bytes) -> Any:
    """The value that `text` spells.

    Raises:
      ValueError: no JSON, more than `MOST_BYTES`, nested too deeply, a number that is not
        finite, or a name that stands twice in one object.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    try:
        return json.loads(
            text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite
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
