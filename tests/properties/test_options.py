"""Options: every value that a field takes is written and read again."""

import types
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avae_jax.config import files
from avae_jax.config.fields import broken, parse, settle, written
from avae_jax.config.options import Options, fields, values

REPEATED = settings(max_examples=8, deadline=None, derandomize=True, database=None)
FIELDS = fields()


def drawn(kind, field):
    """Values of a type, of which some break the rule of the field."""
    rule = field.metadata
    low, high = rule["low"], rule["high"]
    if kind is types.NoneType:
        return st.none()
    if typing.get_origin(kind) is tuple:
        return st.lists(drawn(typing.get_args(kind)[0], field), min_size=1, max_size=4).map(tuple)
    if kind is int:
        return st.integers(low, high)
    if kind is float:
        return st.floats(low, high, allow_nan=False, allow_infinity=False)
    if kind is str:
        texts = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1)
        return st.sampled_from(sorted(rule["choices"])) if rule["choices"] else texts
    return st.booleans()


def sound(field):
    """Values that a field takes."""
    union = isinstance(field.type, types.UnionType)
    kinds = typing.get_args(field.type) if union else (field.type,)
    values = st.one_of(*(drawn(kind, field) for kind in kinds)).map(lambda v: settle(field, v))
    return values.filter(lambda value: not broken(field, value))


@pytest.mark.parametrize("name", FIELDS)
@REPEATED
@given(data=st.data())
def test_a_value_is_read_as_it_was_written(name, data):
    value = data.draw(sound(FIELDS[name]))
    read = settle(FIELDS[name], parse(FIELDS[name], written(value)))
    # One number and a list of one mean the same where a field takes both.
    assert value in (read, (read,))


@REPEATED
@given(data=st.data())
def test_options_are_saved_and_loaded(data, tmp_path_factory):
    name = data.draw(st.sampled_from(["seed", "log.every", "ranges.shift", "data.limit"]))
    value = data.draw(sound(FIELDS[name]))
    config = files.apply_overrides(files.to_config(Options()), [f"{name}={written(value)}"])
    options, path = files.to_options(config), tmp_path_factory.mktemp("config") / "config.json"
    files.save(options, path)
    assert files.load_saved(path) == options and values(options)[name] == value
