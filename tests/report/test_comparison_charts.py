"""Tests of `avae_jax.report.comparison_charts`."""

import math
import shutil

import pytest

from avae_jax import report
from avae_jax.report.comparison_charts import charts
from avae_jax.report.saved import saved_runs
from tests.support.report_samples import measured


@pytest.mark.standard
def test_charts_of_more_runs_than_colours(tmp_path):
    names = [f"run{i}" for i in range(8)]
    report.write(tmp_path / names[0] / "report", measured())
    for name in names[1:]:
        shutil.copytree(tmp_path / names[0], tmp_path / name)
    found = charts(saved_runs([str(tmp_path / name) for name in names]))
    assert list(found) == ["loss", "agreement", "curve"]
    assert set(found["curve"].columns["run"]) == set(names)


def test_charts_that_no_run_has_are_left_out(tmp_path):
    empty = {"metrics": ({"step": 1, "loss": math.nan},), "curve": None, "moments": ()}
    for name in ("a", "b"):
        report.write(tmp_path / name / "report", measured(**empty))
    assert charts(saved_runs([str(tmp_path / name) for name in ("a", "b")])) == {}
