"""Observations drawn from a model have its moments and its poses."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.models.likelihoods import LIKELIHOODS, Likelihood
from avae_jax.models.objective import crop_to_inner, render, to_observation
from avae_jax.models.simulation import draw_observations
from tests.support.linear_gaussian import SIGMA, Z, avae_of, weights
from tests.support.single_object import drawing


@pytest.mark.standard
def test_noise_of_gaussian_observations_is_that_of_the_model():
    """What is left of an observation without its object at its pose."""
    avae = avae_of()

    @jax.jit
    def parts(keys):
        x, z, poses = draw_observations(weights(), keys, avae=avae, latent=Z)
        params = jax.tree.map(jnp.asarray, weights())

        def mean(z, pose):
            drawn = render(params, z, avae=avae)
            return crop_to_inner(to_observation(drawn, pose, avae=avae), avae=avae)

        return x - jax.vmap(mean)(z, poses), z, poses

    noise, z, poses = map(np.asarray, parts(jax.random.split(jax.random.key(0), 400)))
    assert abs(noise.std() - SIGMA) < 4 * SIGMA / np.sqrt(2 * noise.size)
    assert np.abs(z.mean(0)).max() < 4 / 400**0.5 and np.abs(z.std(0) - 1).max() < 4 / 800**0.5
    angles = np.arctan2(poses[:, 1, 0], poses[:, 0, 0])
    assert np.abs(np.exp(1j * angles).mean()) < 4 / 400**0.5


@pytest.mark.standard
def test_pixels_of_bernoulli_observations_are_zero_or_one():
    """In the frame of the observation, whatever frame the likelihood needs."""
    avae, params = drawing(np.full((8, 8, 1), 0.5, np.float32), "rigid")
    draw = jax.jit(functools.partial(draw_observations, avae=avae, latent=1))
    x, _, _ = draw(params, jax.random.split(jax.random.key(0), 5))
    assert x.shape == (5, 8, 8, 1) and set(np.unique(x)) == {0.0, 1.0}


def test_likelihood_without_draw_is_refused(monkeypatch):
    """By name, with those that can be drawn from."""
    plain = LIKELIHOODS["gaussian"]
    monkeypatch.setitem(LIKELIHOODS, "laplace", Likelihood(plain.nll, plain.templates))
    avae = avae_of()._replace(likelihood="laplace")
    with pytest.raises(InputError, match="likelihood='laplace': it has no draw, wanted one of ber"):
        draw_observations(weights(), jax.random.split(jax.random.key(0), 1), avae=avae, latent=Z)
