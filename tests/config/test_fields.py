"""Tests of `avae_jax.config.fields`."""

import dataclasses

import numpy as np
import pytest
from ml_collections import ConfigDict

from avae_jax.config import fields, files
from avae_jax.config.fields import option


def test_to_options_takes_the_type_of_the_field():
    """What loses nothing takes the type of its field."""
    given = ConfigDict(
        {
            "data": {"scale": 2, "fill": [0, 1]},
            "model": {"hidden": [np.int64(8), 4]},
            "train": {"learning_rate": np.float32(0.5), "steps": np.int64(5)},
        }
    )
    options = files.to_options(given)
    assert (options.data.scale, options.data.fill) == (2.0, (0.0, 1.0))
    assert options.model.hidden == (8, 4)
    assert options.train.steps == 5
    found = [options.data.scale, options.train.learning_rate, options.train.steps]
    assert [type(value) for value in found] == [float, float, int]
    assert hash(options) == hash(files.to_options(given))


RULES = {
    "count": option(3, "how many", low=1, high=9),
    "rate": option(0.5, "how fast", above=0.0),
    "name": option("dense", "which", choices=("dense", "conv")),
    "widths": option((4, 5), "how wide", low=1),
    "rest": option(None, "perhaps"),
    "on": option(True, "whether"),
    "kinds": option(("a",), "which", choices=("a", "b")),
}
Sample = dataclasses.make_dataclass(
    "Sample",
    [
        (name, kind, RULES[name])
        for name, kind in {
            "count": int,
            "rate": float,
            "name": str,
            "widths": tuple[int, ...],
            "rest": int | None,
            "on": bool,
            "kinds": tuple[str, ...] | None,
        }.items()
    ],
)
FIELDS = {field.name: field for field in dataclasses.fields(Sample)}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "7", 7),
        ("rate", "1e-3", 1e-3),
        ("name", "conv", "conv"),
        ("widths", "8,9", (8, 9)),
        ("rest", "none", None),
        ("on", "false", False),
        ("kinds", "b,a", ("b", "a")),
        ("kinds", "none", None),
    ],
)
def test_parse_and_written_are_inverse(name, text, value):
    parsed = fields.parse(FIELDS[name], text)
    assert parsed == value and type(parsed) is type(value)
    assert fields.parse(FIELDS[name], fields.written(value)) == value
    assert fields.broken(FIELDS[name], value) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 0),
        ("count", 10),
        ("count", "three"),
        ("count", True),
        ("rate", 0.0),
        ("rate", float("nan")),
        ("name", "denze"),
        ("widths", (4, 0)),
        ("on", 1),
        ("kinds", ("a", "c")),
        ("kinds", ()),
    ],
)
def test_broken_names_the_rule(name, value):
    assert fields.broken(FIELDS[name], value)


def test_wanted_says_types_bounds_and_choices():
    assert "dense" in fields.wanted(FIELDS["name"]) and "conv" in fields.wanted(FIELDS["name"])
    assert "1" in fields.wanted(FIELDS["count"]) and "9" in fields.wanted(FIELDS["count"])
    assert fields.wanted(FIELDS["kinds"]) == "a list of a, b or none"


def test_settle_takes_one_text_for_a_list_of_texts():
    assert fields.settle(FIELDS["kinds"], "b") == ("b",)
    assert fields.settle(FIELDS["kinds"], ["a", "b"]) == ("a", "b")
