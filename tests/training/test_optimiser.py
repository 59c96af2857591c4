"""Tests of `avae_jax.training.optimiser`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import TrainOptions
from avae_jax.training.optimiser import optimiser

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def rates(options: TrainOptions) -> np.ndarray:
    """How far each update goes under a gradient that is always the same."""
    tx, weight = optimiser(options), jnp.zeros(())
    state, update, moved = tx.init(weight), jax.jit(tx.update), []
    for _ in range(max(options.steps, 1)):
        step, state = update(jnp.ones(()), state, weight)
        moved.append(-float(step))
    return np.array(moved)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize(("steps", "warmup"), [(1, 50), (1, 0), (8, 0), (8, 3), (8, 50)])
def test_optimiser_moves_every_update_and_warms_up(schedule, steps, warmup):
    found = rates(TrainOptions(steps=steps, warmup=warmup, schedule=schedule, learning_rate=0.1))
    warm = min(warmup, steps - 1)
    assert (found > 1e-4).all()
    np.testing.assert_allclose(found[:warm], 0.1 * np.arange(1, warm + 1) / max(warm, 1), rtol=1e-3)
    after = found[warm:]
    if schedule == "constant":
        np.testing.assert_allclose(after, np.full(steps - warm, 0.1), rtol=1e-3)
    else:
        assert (np.diff(after) < 0).all()


def test_optimiser_clips_by_the_norm():
    """The gradient is clipped by its norm."""
    tx, gradient = optimiser(TrainOptions(clip=2.0)), jnp.float32([30, 40])
    _, state = jax.jit(tx.update)(gradient, tx.init(gradient), gradient)
    # The first moment after one update is a tenth of the gradient that was let through.
    moments = [leaf for leaf in jax.tree.leaves(state) if leaf.shape == (2,)]
    np.testing.assert_allclose(moments[0], 0.1 * gradient * 2 / 50, rtol=1e-5)
