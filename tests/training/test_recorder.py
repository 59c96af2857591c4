"""Tests of `avae_jax.training.recorder`."""

from types import SimpleNamespace

import jax.numpy as jnp
import pytest

from avae_jax.config.options import Options
from avae_jax.core.errors import NumericalError
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.recorder import Recorder
from avae_jax.training.workdir import WorkDir


def test_recorder_does_not_save_a_loss_not_finite(tmp_path):
    """A loss that is not finite is not saved."""
    options = Options()
    with WorkDir(tmp_path) as workdir, Checkpoints(tmp_path / "c", keep=2, every=1) as saved:
        saved.save(1, {"w": jnp.ones(4)})
        recorder = Recorder(SimpleNamespace(options=options), workdir, saved, None, None)
        metrics = {"loss": jnp.array(1.0), "kl": jnp.array(jnp.nan)}
        last = options.log.checkpoint_every
        with pytest.raises(NumericalError, match=f"kl=nan at step {last}.*last good checkpoint"):
            recorder.after(last, None, metrics)
        saved.wait()
        assert saved.steps() == [1]
        assert not workdir.metrics_file.exists()
