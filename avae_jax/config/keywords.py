"""Options of an experiment as keyword arguments of a Python function."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from avae_jax.config import files
from avae_jax.config.options import Options, fields, values
from avae_jax.core.choices import nearest
from avae_jax.core.errors import InputError

# A field whose name stands in several sections is that of the first of these.
FIRST = ("train", "model", "data")


def with_keywords(begun: Options, given: Mapping[str, Any]) -> tuple[Options, frozenset[str]]:
    """`begun` with the options `given`, and the full names of the fields that were set.

    Args:
      given: a section by its class, `model=ModelOptions(latent=4)`, of which the fields that
        differ from their default count; a field by its name, `latent=4`; or by section and
        name, `ranges__scale=1.2`. A name that several sections have is that of `train`, `model`
        or `data`.

    Raises:
      InputError: an unknown name, or every value that its field does not take.
    """
    edits: dict[str, Any] = {}
    for name, value in given.items():
        edits |= _section(name, value) if name in _sections() else {_full_name(name): value}
    nested = files.to_dict(begun)
    for name, value in edits.items():
        section, _, inner = name.rpartition(".")
        (nested[section] if section else nested)[inner] = value
    return files.from_dict(nested), frozenset(edits)


def _sections() -> dict[str, type]:
    parts = dataclasses.fields(Options)
    return {part.name: part.type for part in parts if dataclasses.is_dataclass(part.type)}  # type: ignore[misc]


def _section(name: str, value: Any) -> dict[str, Any]:
    """The fields of a section that are not what its class has by default."""
    kind = _sections()[name]
    if not isinstance(value, kind):
        raise InputError(f"{name}={value!r}: wanted avae_jax.{kind.__name__}(...)")
    plain = kind()
    parts = (part.name for part in dataclasses.fields(kind))
    own = {part: getattr(value, part) for part in parts}
    return {f"{name}.{part}": one for part, one in own.items() if one != getattr(plain, part)}


def _full_name(keyword: str) -> str:
    """The field that a keyword means, such as `model.latent` for `latent`."""
    found = field_named(keyword.replace("__", ".", 1))
    if found:
        return found
    spelt = [*_sections(), *(name.rpartition(".")[2] for name in fields())]
    raise InputError(
        f"{keyword}: no such option; wanted the name of one, such as latent or ranges__scale"
        f"{nearest(keyword, spelt)}"
    )


def field_named(name: str) -> str:
    """The field with this name or, without a section, this last part of one; "" for no field."""
    known = fields()
    if name in known:
        return name
    sections = [field.rpartition(".")[0] for field in known if field.rpartition(".")[2] == name]
    chosen = [one for one in FIRST if one in sections] or sections
    return f"{chosen[0]}.{name}" if chosen else ""


def untouched_by(given: frozenset[str]) -> frozenset[str]:
    """The fields that were not `given`, and that may be chosen to suit the data."""
    return frozenset(values(Options())) - given
