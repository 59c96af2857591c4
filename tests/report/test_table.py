"""Tests of `avae_jax.report.table`."""

import dataclasses

from avae_jax.report.summary import Losses, Summary
from avae_jax.report.table import flat, groups, lines


def test_flat_joins_names_by_dots():
    assert flat({"a": {"b": 1, "c": {"d": 2}}, "e": {}, "f": 3}) == {
        "a.b": 1,
        "a.c.d": 2,
        "e": {},
        "f": 3,
    }


def test_groups_have_a_row_for_every_number():
    found = groups(Summary(loss=Losses(posed=164.6)))
    rows = {(group["key"], row["key"]): row for group in found for row in group["rows"]}
    for group in dataclasses.fields(Summary):
        for field in dataclasses.fields(getattr(Summary(), group.name)):
            assert rows[group.name, field.name]["name"] == field.metadata["name"]
    assert rows["loss", "posed"]["value"] == 164.6 and rows["loss", "posed"]["meaning"]


def test_lines_are_those_of_the_command_line():
    config = {"data": {"source": "a\nb", "size": 0}, "model": {"hidden": (1, 2)}, "x": None}
    assert lines(config) == ["data.source=a b", "data.size=0", "model.hidden=[1, 2]", "x=null"]


def test_groups_leave_out_what_does_not_compare():
    """Turning smooths noise away, so that turned examples are easier."""
    noisy = groups(Summary(loss=Losses(upright=-285.5, posed=-464.6)))[0]
    clean = groups(Summary(loss=Losses(upright=121.3, posed=164.6)))[0]
    assert "upright" not in [row["key"] for row in noisy["rows"]]
    assert "upright" in [row["key"] for row in clean["rows"]]
