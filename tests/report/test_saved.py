"""Tests of `avae_jax.report.saved`."""

import json

import pytest

from avae_jax import report
from avae_jax.core.errors import InputError
from avae_jax.report.saved import saved_runs
from tests.support.report_samples import measured


def runs_in(folder):
    for name in ("a", "b"):
        report.write(folder / name / "report", measured(seed=len(name)))
    return [str(folder / name) for name in ("a", "b")]


@pytest.mark.standard
def test_saved_runs_hold_config_and_columns(tmp_path):
    first, second = saved_runs(runs_in(tmp_path))
    assert (first.name, second.name) == ("a", "b")
    assert first.config["data.source"] == "digits"
    assert len(first.held_out("loss_posed_nats")) == 40 and first.held_out("other") is None


@pytest.mark.standard
def test_runs_of_one_name_are_told_apart(tmp_path):
    for name in ("x/run", "y/run"):
        report.write(tmp_path / name / "report", measured())
    names = [run.name for run in saved_runs([str(tmp_path / "x/run"), str(tmp_path / "y/run")])]
    assert names == [str(tmp_path / "x/run"), str(tmp_path / "y/run")]


@pytest.mark.standard
def test_saved_runs_refuse_in_one_sentence(tmp_path):
    a, b = runs_in(tmp_path)
    old = tmp_path / "b" / "report" / "data.json"
    cases = [
        ([a], "1 work directory, wanted two or more"),
        ([a, a], "is given twice"),
        ([a, str(tmp_path / "none")], "none is no folder"),
        ([a, str(tmp_path)], "is missing; avae evaluate --workdir"),
    ]
    for given, said in cases:
        with pytest.raises(InputError, match=said):
            saved_runs(given)
    for text in ("{", json.dumps({"format": 99}), json.dumps([1])):
        old.write_text(text)
        with pytest.raises(InputError, match="is not of format 1; avae evaluate"):
            saved_runs([a, b])
