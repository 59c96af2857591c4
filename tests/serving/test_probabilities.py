"""How well a model says that it knows poses: shapes, turns, calibration by known poses."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

import avae_jax
from avae_jax.core.errors import InputError
from avae_jax.models.simulation import draw_observations
from avae_jax.training.calibration import Found
from tests.support.wrapped_vae import upright, wrap

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.fixture(scope="module")
def posed(for_an_optimiser):
    return wrap()


@pytest.mark.full
def test_uncertainty_is_that_of_each_example(posed):
    """It depends neither on the other examples nor, much, on a turn of the example."""
    x = upright()[:6]
    known = posed.uncertainty(x, samples=32)
    for column in known:
        assert column.shape == (6,) and np.isfinite(column).all()
    assert (known.degrees >= 0).all() and (known.shift == 0).all()
    assert ((known.elsewhere >= 0) & (known.elsewhere <= 1)).all()
    fewer = posed.uncertainty(x[:2], samples=32)
    np.testing.assert_allclose(fewer.degrees, known.degrees[:2], rtol=1e-3)


@pytest.mark.full
def test_calibration_widens_what_is_wrong():
    """Poses that are off by half a radian make deviations larger than right ones do."""
    posed = avae_jax.pretrained("digits")
    params, avae, *_, met = posed.trained
    keys = avae_jax.example_keys(jax.random.key(1), np.arange(48))
    draw = jax.jit(functools.partial(draw_observations, avae=avae, latent=met.shape[1]))
    x, true = (np.asarray(draw(params, keys)[part]) for part in (0, 2))
    right = posed.calibration(x, true, samples=32)
    angles = 0.5 * np.sign(np.arange(len(x)) % 2 - 0.5)
    off = np.tile(np.eye(3, dtype=np.float32), (len(x), 1, 1))
    off[:, 0, 0] = off[:, 1, 1] = np.cos(angles)
    off[:, 0, 1], off[:, 1, 0] = np.sin(angles), -np.sin(angles)
    wrong = posed.calibration(x, true @ off, samples=32)
    assert isinstance(right, avae_jax.Calibration)
    stated = [
        np.median(posed.uncertainty(x, calibration=how, samples=32).degrees)
        for how in (right, wrong)
    ]
    assert stated[1] > 1.5 * stated[0]
    # What the evaluation of a model found is its default.
    kept = dataclasses.replace(posed, evaluated=Found(wrong, 16)).uncertainty(x, samples=32)
    assert np.median(kept.degrees) == stated[1]


@pytest.mark.full
def test_simulated_calibration_depends_on_the_seed_alone():
    """Examples are drawn by the seed, whatever the batches they are searched in."""
    digits = avae_jax.pretrained("digits")
    first = digits.simulated_calibration(40, samples=16)
    assert first == digits.simulated_calibration(40, samples=16)
    assert first != digits.simulated_calibration(40, samples=16, seed=1)
    assert 0.5 < first.width < 4 and first.anywhere < 0.3


def test_simulated_calibration_wants_examples(posed):
    """At least one."""
    with pytest.raises(InputError, match="count=0: wanted an integer of at least 1"):
        posed.simulated_calibration(0)


def test_calibration_wants_a_pose_for_each_example(posed):
    """And samples, as the bound does."""
    x = upright()[:3]
    with pytest.raises(InputError, match=r"poses: of shape \(2, 3, 3\), wanted \(3, 3, 3\)"):
        posed.calibration(x, np.tile(np.eye(3), (2, 1, 1)))
    with pytest.raises(InputError, match="samples=0: wanted an integer of at least 1"):
        posed.uncertainty(x, samples=0)
