"""Tests of `avae_jax.training.writers.mlflow_run`: the real library, in a folder."""

import json
from pathlib import Path

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.training.writers.base import Run
from avae_jax.training.writers.mlflow_run import MlflowRun

pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("ignore")]
mlflow = pytest.importorskip("mlflow", reason="MLflow wants the extra `full`")


def test_mlflow_holds_config_metrics_and_pictures(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for step in (0, 20):
        writer = MlflowRun(Run(tmp_path, {"train": {"steps": 40}}, step))
        writer.scalars(step + 10, {"loss": 0.5 + step})
        writer.picture(step + 10, "held_out", np.zeros((4, 4, 3), np.uint8))
        writer.close()
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("avae_jax")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == (tmp_path.name, "FINISHED")
    points = client.get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in points] == [(10, 0.5), (30, 20.5)]
    kept = Path(run.info.artifact_uri.removeprefix("file://"))
    assert json.loads((kept / "config.json").read_text()) == {"train": {"steps": 40}}
    assert len(list(kept.glob("images/*.png"))) == 2


def test_mlflow_server_that_refuses_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")
    with pytest.raises(InputError, match="log.writers=mlflow: "):
        MlflowRun(Run(tmp_path, {}, 0))
