"""Table of the summary: name, unit and meaning of each number."""

import dataclasses
import json
from typing import Any

from avae_jax.report.summary import Losses, Summary, turning_smooths
from avae_jax.report.text import plain, strict


def groups(summary: Summary) -> list[dict[str, Any]]:
    """The numbers in groups: `key`, `title` and `rows`, each with name, value, unit, meaning."""
    return [_group(field, getattr(summary, field.name)) for field in dataclasses.fields(summary)]


def lines(config: dict[str, Any]) -> list[str]:
    """Lines `field=value`, in the syntax of the command line."""
    return [f"{key}={_literal(value)}" for key, value in flat(strict(config)).items()]


def _literal(value: Any) -> str:
    return plain(value) if isinstance(value, str) else json.dumps(value, default=str)


def flat(nested: dict[str, Any]) -> dict[str, Any]:
    """Nested dicts as one: `{"a": {"b": 1}}` as `{"a.b": 1}`."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        inner = flat(value) if isinstance(value, dict) else {}
        found |= {f"{key}.{name}": item for name, item in inner.items()} or {str(key): value}
    return found


def _group(group: dataclasses.Field, numbers: Any) -> dict[str, Any]:
    smooths = isinstance(numbers, Losses) and turning_smooths(numbers)
    rows = [
        {"key": field.name, **field.metadata, "value": getattr(numbers, field.name)}
        for field in dataclasses.fields(numbers)
        if not (smooths and field.name == "upright")
    ]
    return {"key": group.name, "title": group.metadata["title"], "rows": rows}
