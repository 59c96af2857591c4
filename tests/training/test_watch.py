"""Tests of `avae_jax.training.watch`."""

import jax.numpy as jnp
import pytest

from avae_jax.core.errors import NumericalError
from avae_jax.training.watch import Watch


def metrics(loss):
    return {"loss": jnp.float32(loss), "kl": jnp.float32(1)}


def test_watch_looks_every_few_updates_and_at_the_last():
    seen = []
    watch = Watch(steps=5, every=2, callback=lambda step, values: seen.append((step, values)))
    for step in range(1, 6):
        watch.after(step, None, metrics(step))
    assert [step for step, _ in seen] == [2, 4, 5] and seen[0][1] == {"loss": 2.0, "kl": 1.0}
    assert watch.loss == 5.0 and not watch.ended
    assert watch.mean_loss() == 3.0 and watch.mean_loss() is None


def test_watch_callback_ends():
    watch = Watch(steps=9, every=1, callback=lambda step, values: step == 2)
    watch.after(1, None, metrics(1))
    assert not watch.ended
    watch.after(2, None, metrics(1))
    assert watch.ended


def test_watch_names_the_update_that_was_not_finite():
    watch = Watch(steps=9, every=3)
    watch.after(1, None, metrics(1))
    watch.after(2, None, metrics(float("nan")))
    with pytest.raises(NumericalError, match="loss=nan at step 2"):
        watch.after(3, None, metrics(1))
