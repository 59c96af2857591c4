"""Tests of `avae_jax.training.loop`."""

import jax
import pytest

from avae_jax.config import files
from avae_jax.training import loop, updates
from tests.support.cli import SMALL

OVERRIDES = [f"{name}={value}" for name, value in SMALL.items()]
PLAIN = ("train.search=false", "train.synchronised=0", "log.moments=0")


@pytest.mark.standard
@pytest.mark.full_cases("searched")
@pytest.mark.parametrize("more", [(), PLAIN], ids=["searched", "plain"])
def test_loop_update_moves_nothing_between_host_and_devices(more, tmp_path, monkeypatch):
    """JAX refuses what is not asked for in so many words; the step is compiled under it too."""
    seen = []
    options = files.to_options(
        files.apply_overrides(files.load_file("digits"), [*OVERRIDES, *more])
    )
    compiled_step = updates.compiled_step

    def watched(experiment, **which):
        step = compiled_step(experiment, **which)

        def guarded(*arguments):
            seen.append(jax.config.jax_transfer_guard)
            return step(*arguments)

        return guarded

    monkeypatch.setattr(updates, "compiled_step", watched)
    monkeypatch.setattr(loop, "evaluate_and_report", lambda *finished: None)
    with jax.numpy_dtype_promotion("standard"):
        loop.train(options, tmp_path / "run")
    assert seen == ["disallow"] * SMALL["train.steps"]
