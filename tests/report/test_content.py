"""Tests of `avae_jax.report.content`: `data.json` holds what the page shows."""

import json
import math

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report.content import FORMAT, SECTIONS, content
from tests.support.report_samples import explored, findings, given

LABEL = report.LabelAgreement(1, 4, 0.5, 0.5, 0.5, 1.0, 0.0)


def found():
    agreed = report.Agreement(np.linspace(0, 180, 30), (LABEL,), 2)
    run = report.Run("2026-01-02", "9.8.7", "2 x chip", 3, "python -m x")
    return explored(agreement=agreed, run=run)


@pytest.mark.standard
def test_data_json_is_strict_and_is_in_the_page(tmp_path):
    report.write(tmp_path, found())
    data = json.loads((tmp_path / "data.json").read_text(), parse_constant=pytest.fail)
    assert data["format"] == FORMAT
    page = given((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert page["explored"] == data["explored"] and page["charts"] == data["charts"]
    assert data["summary"] == json.loads((tmp_path / "summary.json").read_text())
    assert data["run"]["facts"] == [
        "2026-01-02",
        "avae_jax 9.8.7",
        "2 x chip",
        "seed 3",
        "trained in 1.4 minutes",
    ]
    assert data["agreement"]["labels"][0]["name"] == "dog"
    assert "uri" not in json.dumps(data)


def test_columns_of_a_chart_are_equally_long():
    charts = content(found())["charts"]
    assert list(charts) == ["settling", "curve", "loss", "agreement", "errors", "reliability"]
    for chart in charts.values():
        assert len({len(column) for column in chart["columns"].values()}) == 1
    assert charts["curve"]["columns"]["rotation (degrees)"][0] == -180.0


def test_sections_are_those_that_show_something():
    every = [name for name, *_ in SECTIONS]
    assert [one["id"] for one in content(found())["sections"]] == every
    bare = findings(moments=(), curve=None, metrics=({"step": 1, "loss": math.nan},))
    few = ["gallery", "numbers", "words", "config"]
    assert [one["id"] for one in content(bare)["sections"]] == few
