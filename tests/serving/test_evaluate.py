"""Tests of `avae_jax.serving.evaluate`."""

import json

import numpy as np
import pytest

import avae_jax
from avae_jax.config.options import EvalOptions
from avae_jax.core.errors import InputError
from tests.support.wrapped_vae import upright, wrap

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
FEW = EvalOptions(
    examples=8,
    batch_size=8,
    curve_points=2,
    curve_examples=4,
    marginal_examples=0,
    explored=False,
)


@pytest.mark.full
def test_evaluate_measures_a_wrapped_model_and_writes_its_report(tmp_path):
    labels = ["long", "short"] * 8
    found = avae_jax.evaluate(wrap(), upright(), labels, tmp_path / "out", options=FEW)
    assert np.isfinite([found.loss.upright, found.loss.posed, found.loss.posed_search]).all()
    assert found.loss.posed_search <= found.loss.posed
    assert 0 <= found.pose.resultant_length <= 1
    written = json.loads((tmp_path / "out" / "report" / "summary.json").read_text())
    assert written == found.to_dict()
    assert "short" in (tmp_path / "out" / "report" / "index.html").read_text()


def test_evaluate_refuses_labels_of_other_examples():
    with pytest.raises(InputError, match=r"labels: of shape \(3,\), wanted \(16,\)"):
        avae_jax.evaluate(wrap(), upright(), [0, 1, 2], options=FEW)


def test_evaluate_refuses_the_directory_of_a_training(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="belongs to a training"):
        avae_jax.evaluate(wrap(), upright(), workdir=tmp_path, options=FEW)
