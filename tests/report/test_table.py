"""Tests of `avae_jax.report.table`."""

import dataclasses

import pytest

from avae_jax.report.summary import DEGREES, SHARE, Losses, Summary
from avae_jax.report.table import flat, shown, table
from avae_jax.report.text import ABSENT


@pytest.mark.parametrize(
    ("value", "unit", "wanted"),
    [
        (None, DEGREES, ABSENT),
        (True, "", "yes"),
        (0.874, SHARE, '87.4&nbsp;<span class="unit">%</span>'),
        (float("nan"), DEGREES, ABSENT),
        ("<b>", "", "&lt;b&gt;"),
        (12, "", "12"),
    ],
)
def test_shown_values_with_units(value, unit, wanted):
    assert shown(value, unit) == wanted


def test_flat_joins_names_by_dots():
    assert flat({"a": {"b": 1, "c": {"d": 2}}, "e": {}, "f": 3}) == {
        "a.b": 1,
        "a.c.d": 2,
        "e": {},
        "f": 3,
    }


def test_table_has_a_row_for_every_number():
    text = table(Summary(loss=Losses(posed=164.6)))
    for group in dataclasses.fields(Summary):
        for field in dataclasses.fields(getattr(Summary(), group.name)):
            assert f'title="{group.name}.{field.name}"' in text
    assert "164.6" in text
