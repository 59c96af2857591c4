"""Tests of `avae_jax.training.writers.wandb_run`: the real library, offline."""

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.training.writers.base import Run
from avae_jax.training.writers.wandb_run import WandbRun

pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("ignore")]
wandb = pytest.importorskip("wandb", reason="Weights & Biases wants the extra `full`")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))


def test_wandb_holds_config_metrics_and_pictures(tmp_path):
    for step in (0, 20):
        writer = WandbRun(Run(tmp_path, {"train": {"steps": 40}}, step))
        writer.scalars(step + 10, {"loss": 0.5})
        writer.picture(step + 10, "held_out", np.zeros((4, 4, 3), np.uint8))
        writer.close()
    files = sorted((tmp_path / "wandb").glob("offline-run-*/*.wandb"))
    assert len(files) == 2 and len({file.stem for file in files}) == 1, "it goes on with its run"
    # Protocol buffers hold texts as they are.
    stored = files[0].read_bytes()
    assert all(text in stored for text in (b'{"steps":40}', b"loss", b"0.5", b"held_out"))
    assert list((tmp_path / "wandb").glob("offline-run-*/files/media/images/held_out*.png"))


def test_wandb_that_refuses_is_said(tmp_path, monkeypatch):
    def refuse(**settings):
        raise wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(wandb, "init", refuse)
    with pytest.raises(InputError, match="^log.writers=wandb: No API key configured.$"):
        WandbRun(Run(tmp_path, {}, 0))
