"""The calibration of an alignment."""

import functools
import types

import jax
import numpy as np
import pytest

from avae_jax.alignment.calibration import calibration_of, simulated
from avae_jax.alignment.job import Work
from avae_jax.inference.calibration import APPROXIMATE, Calibration, calibrated
from avae_jax.inference.problem import example_keys
from avae_jax.models.likelihoods import LIKELIHOODS
from avae_jax.models.simulation import draw_observations
from avae_jax.training.calibration import Found
from avae_jax.transform import retract
from avae_jax.transform.mixture import Mixture
from tests.support.alignment_cases import knowing, options


@pytest.fixture
def work():
    """A stack of ten, and a model that knows one object."""
    trained, _ = knowing((9, 9))
    stack = types.SimpleNamespace(
        shape=(10, 9, 9, 1), example=(9, 9, 1), dtype=np.dtype(np.float32)
    )
    return Work(stack, None, None, trained, options(), reconstructions=False, uncertain=True)


def test_calibration_is_that_of_the_evaluation(work):
    """And the sentence says by how many examples."""
    known = Calibration(2.0, 1.5, 0.1, 3.0, 0.03)
    found, note = calibration_of(work, Found(known, 256))
    assert found == known
    assert note == "uncertainty: calibrated by 256 held-out examples of the evaluation"


@pytest.mark.parametrize("examples, drawn", [(10, 64), (100, 100), (1000, 256)])
def test_without_evaluation_the_model_draws_examples(work, examples, drawn):
    """About as many as there are to align."""
    work.stack.shape = (examples, 9, 9, 1)
    found, note = calibration_of(work, None)
    assert found is None and f"by {drawn} examples that the model draws" in note


def test_without_draws_the_model_states_it(work, monkeypatch):
    """A likelihood need not be one that can be drawn from."""
    monkeypatch.setitem(LIKELIHOODS, "bernoulli", LIKELIHOODS["bernoulli"]._replace(draw=None))
    found, note = calibration_of(work, None)
    assert found == APPROXIMATE and "as the model states it" in note


@pytest.mark.standard
def test_simulated_calibration_mends_what_is_stated(work):
    """Posteriors that lie 0.3 off where they say 0.1, of images that the model drew."""
    trained, batches = work.trained, []
    keys = example_keys(jax.random.key(0), np.arange(64))
    draw = functools.partial(draw_observations, avae=trained.avae, latent=2)
    images, _, true = jax.device_get(jax.jit(draw)(trained.params, keys))
    move = jax.jit(jax.vmap(functools.partial(retract, trained.avae.group)))

    def stated(x: np.ndarray, index: np.ndarray) -> Mixture:
        batches.append(len(x))
        np.testing.assert_array_equal(x, images[index])
        away = np.random.default_rng(0).standard_normal((64, 1)).astype(np.float32)[index]
        centres = np.asarray(move(true[index], 0.3 * away))[:, None]
        return Mixture(centres, np.full((len(x), 1, 1, 1), 0.1), np.zeros((len(x), 1)))

    found = simulated(work, stated)
    assert set(batches) == {work.batch} and len(batches) == 64 / work.batch
    wide = calibrated(stated(images, np.arange(64)), found)
    spread = np.sqrt((np.exp(wide.log_weights) * wide.spread[..., 0, 0] ** 2).sum(1))
    np.testing.assert_allclose(spread, 0.3, rtol=0.4)
