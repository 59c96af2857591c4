"""Tests of `avae_jax.report.writing`."""

import json
import math

import numpy as np
import pytest

from avae_jax import report
from avae_jax.core.errors import InputError
from avae_jax.report import summary
from tests.support.report_samples import SUMMARY, findings, plain_files, written


@pytest.mark.standard
def test_summary_is_strict_json(tmp_path):
    losses = summary.Losses(posed=math.nan, upright=np.float32(0.5))
    odd = report.Summary(loss=losses, train=summary.Training(steps=np.int64(3)))
    written(tmp_path, summary=odd)
    kept = json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)
    assert kept["loss"]["posed"] is None and kept["loss"]["upright"] == 0.5
    assert kept["train"]["steps"] == 3 and kept["format"] == summary.FORMAT
    written(tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text()) == SUMMARY.to_dict()


def test_write_failure_leaves_the_old_report(tmp_path):
    for name, text in plain_files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(TypeError):
        report.write(
            tmp_path,
            findings(title="new", summary=report.Summary(loss=summary.Losses(posed=object()))),
        )
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.standard
def test_write_folder_not_writable_refused(tmp_path):
    """A folder that cannot be written is bad input."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"report folder .*file.*"):
        report.write(tmp_path / "file", findings())
