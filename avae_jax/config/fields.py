"""Fields of the options: allowed values, parsing from text, wording of faults."""

import contextlib
import dataclasses
import math
import numbers
import types
import typing
import warnings
from collections.abc import Collection, Mapping
from typing import Any

from avae_jax.core.choices import nearest, wanted_instead
from avae_jax.core.errors import InputError


def option(
    default: Any, help: str, *, choices=None, renamed=None, low=None, above=None, high=None
) -> Any:
    """A dataclass field with its help and its rule.

    Args:
      default: the default value.
      help: one line for people.
      choices: allowed texts, a tuple or a `Table`.
      renamed: earlier names of choices, and their present names.
      low: smallest number allowed; like the other bounds also for every entry of a tuple.
      above: the number must be larger than this.
      high: largest number allowed.
    """
    rule = {"choices": choices, "low": low, "above": above, "high": high}
    known = {"help": help, "renamed": renamed or {}, **rule}
    return dataclasses.field(default=default, metadata=known)


class Choosing:
    """Base of the option classes, which check their names and values when they are made."""

    def __new__(cls, *values: Any, **named: Any) -> "Choosing":
        known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for name in named:
            if name not in known:
                raise InputError(
                    f"{cls.__name__}({name}=...): no such option{nearest(name, known)}"
                )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if value == field.default and type(value) is type(field.default):
                continue
            if not dataclasses.is_dataclass(field.type):
                value = renamed(field, settle(field, value))
            said = self._fault(field, value)
            if said:
                raise InputError(f"{type(self).__name__}({field.name}={value!r}): {said}")
            object.__setattr__(self, field.name, value)

    @staticmethod
    def _fault(field: dataclasses.Field, value: Any) -> str:
        """What is wanted of a field in place of `value`, or nothing."""
        if dataclasses.is_dataclass(field.type):
            kind: Any = field.type
            return "" if isinstance(value, kind) else f"wanted {kind.__name__}(...)"
        choices = field.metadata["choices"]
        if choices and isinstance(value, str):
            return "" if value in choices else wanted_instead(value, choices)
        return "; ".join(broken(field, value))


def renamed(field: dataclasses.Field, value: Any) -> Any:
    """`value` by its present name; an earlier name gives a warning with the present name."""
    names = field.metadata["renamed"]
    if not isinstance(value, str) or value not in names:
        return value
    said = f"{field.name}={value}: now called {names[value]}, which is used"
    warnings.warn(said, FutureWarning, stacklevel=3)
    return names[value]


def broken(field: dataclasses.Field, value: Any) -> list[str]:
    """The rules that `value` breaks on its own: its type and choices, else its bounds."""
    choices = field.metadata["choices"]
    several = value if isinstance(value, tuple) else (value,)
    texts = [text for text in several if isinstance(text, str)]
    unlisted = [text for text in texts if choices and text not in choices]
    if unlisted or not any(_is_a(value, kind) for kind in _kinds(field)):
        return [wanted(field) + nearest(unlisted[0] if unlisted else value, choices or ())]
    return [] if value is None or texts else _out_of_bounds(field.metadata, several)


def written(value: object) -> str:
    """`value` of a field in the syntax of an override."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def wanted(field: dataclasses.Field) -> str:
    """The allowed values of `field`, in words."""
    choices = field.metadata["choices"]
    kinds = " or ".join(_words(kind, choices) for kind in _kinds(field))
    return ", ".join([kinds, *_bounds(field.metadata).values()])


def parse(field: dataclasses.Field, text: str) -> Any:
    """The value that `text` spells for `field`, or `text` itself if it spells none."""
    for kind in sorted(_kinds(field), key=lambda kind: str in (kind, _entry(kind))):
        try:
            return _read(kind, text)
        except (KeyError, ValueError, OverflowError):
            continue
    return text


def settle(field: dataclasses.Field, value: Any) -> Any:
    """`value` in the type of the field if nothing is lost, else unchanged.

    Lists become tuples, integers become floats where a float is wanted, and numbers of
    other libraries become Python's.
    """
    return _settled(value, _kinds(field))


def _kinds(field: dataclasses.Field) -> tuple:
    """The types that a value of `field` may have, for example `(int, NoneType)`."""
    union = isinstance(field.type, types.UnionType)
    return typing.get_args(field.type) if union else (field.type,)


def _entry(kind: Any) -> Any:
    """The type of the entries of a tuple type, `None` for any other type."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None


def _is_a(value: Any, kind: Any) -> bool:
    """Whether `value` is of `kind`: a bool is no int, a float is finite, a tuple not empty."""
    entry = _entry(kind)
    if entry:
        return isinstance(value, tuple) and bool(value) and all(_is_a(v, entry) for v in value)
    if kind is float:
        return isinstance(value, float) and math.isfinite(value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _bounds(rule: Mapping) -> dict[str, str]:
    """The bounds that `rule` has, in words."""
    words = {"low": "at least", "above": "above", "high": "at most"}
    return {key: f"{text} {rule[key]}" for key, text in words.items() if rule[key] is not None}


def _out_of_bounds(rule: Mapping, several: tuple) -> list[str]:
    """The bounds of `rule` that at least one of the numbers breaks."""
    broken_by = {
        "low": lambda bound: min(several) < bound,
        "above": lambda bound: min(several) <= bound,
        "high": lambda bound: max(several) > bound,
    }
    return [text for key, text in _bounds(rule).items() if broken_by[key](rule[key])]


def _words(kind: Any, choices: Collection[str] | None) -> str:
    if kind is str and choices:
        return wanted_instead(None, choices)
    texts = {bool: "true or false", int: "an integer", float: "a finite number", str: "text"}
    texts |= {tuple[int, ...]: "a list of integers", tuple[float, ...]: "a list of finite numbers"}
    texts |= {tuple[str, ...]: f"a list of {', '.join(choices or ())}"}
    return texts.get(kind, "none")


def _read(kind: Any, text: str) -> Any:
    """Raises `KeyError` or `ValueError` if `text` is not a `kind`."""
    if kind is types.NoneType:
        return {"none": None}[text.lower()]
    if kind is bool:
        return {"true": True, "false": False}[text.lower()]
    entry = _entry(kind)
    if entry:
        listed = text.strip().removeprefix("(").removesuffix(")")
        listed = listed.removeprefix("[").removesuffix("]").rstrip(", ")
        return tuple(_read(entry, part) for part in listed.split(","))
    if kind is int and "e" in text.lower():
        # 1e3, which is how a round number is often written.
        return _whole(float(text))
    return kind(text)


def _whole(number: float) -> int:
    """Raises `ValueError` for a number with a fraction, `OverflowError` for infinity."""
    if number != int(number):
        raise ValueError(number)
    return int(number)


def _settled(value: Any, kinds: tuple) -> Any:
    if isinstance(value, str) and tuple[str, ...] in kinds:
        return tuple(value.split(","))
    if isinstance(value, list | tuple):
        entry = next(filter(None, map(_entry, kinds)), None)
        return tuple(_settled(v, (entry,)) for v in value) if entry else value
    if isinstance(value, bool):
        return value
    if int in kinds and isinstance(value, numbers.Integral):
        return int(value)
    if float in kinds and isinstance(value, numbers.Real):
        with contextlib.suppress(OverflowError):  # a larger integer breaks the rule as it is
            return float(value)
    return value
