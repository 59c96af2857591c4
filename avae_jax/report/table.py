"""Table of the summary: name, unit and meaning of each number."""

import dataclasses
from typing import Any

from avae_jax.report.summary import SHARE, Summary
from avae_jax.report.text import ABSENT, escaped, number


def table(summary: Summary) -> str:
    """The summary as an HTML table."""
    bodies = [_group(field, getattr(summary, field.name)) for field in dataclasses.fields(summary)]
    return f'<table class="summary">{"".join(bodies)}</table>'


def flat(nested: dict[str, Any]) -> dict[str, Any]:
    """Nested dicts as one: `{"a": {"b": 1}}` as `{"a.b": 1}`."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        inner = flat(value) if isinstance(value, dict) else {}
        found |= {f"{key}.{name}": item for name, item in inner.items()} or {str(key): value}
    return found


def shown(value: Any, unit: str) -> str:
    """A value with its unit, as HTML."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, str):
        return escaped(ABSENT if value is None else value)
    text = number(100 * value) if unit == SHARE else number(value)
    return text if text == ABSENT or not unit else f'{text}&nbsp;<span class="unit">{unit}</span>'


def _group(group: dataclasses.Field, numbers: Any) -> str:
    title = escaped(group.metadata["title"])
    head = f'<tr><th colspan="3" scope="rowgroup">{title}</th></tr>'
    rows = [
        _row(group, field, getattr(numbers, field.name)) for field in dataclasses.fields(numbers)
    ]
    return f"<tbody>{head}{''.join(rows)}</tbody>"


def _row(group: dataclasses.Field, field: dataclasses.Field, value: Any) -> str:
    name, unit, meaning = (field.metadata[part] for part in ("name", "unit", "meaning"))
    return (
        f'<tr><td title="{group.name}.{field.name}">{escaped(name)}</td>'
        f'<td class="value">{shown(value, unit)}</td><td>{escaped(meaning)}</td></tr>'
    )
