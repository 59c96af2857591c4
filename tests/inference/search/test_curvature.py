"""Tests of `avae_jax.inference.search.curvature`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.search import Problem, curvature
from avae_jax.transform import family, retract
from avae_jax.transform.lie import coordinates

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
RIGID = family("rigid", 2)


def bowl(scale: np.ndarray, dents: float = 0.0) -> Problem:
    """Half the squared length of `scale @ alpha` around the identity, with dents every 0.02."""

    def predict(datum: jax.Array, pose: jax.Array) -> jax.Array:
        return coordinates(RIGID, datum, pose)

    def loss(datum: jax.Array, alpha: jax.Array) -> jax.Array:
        ripples = 1 - jnp.cos(2 * np.pi * alpha / 0.02)
        return ((scale * alpha[None]).sum(-1) ** 2).sum() / 2 + dents * ripples.sum()

    return Problem(predict, loss, functools.partial(retract, RIGID), RIGID.size)


def test_measure_quadratic_peak_exact():
    """A quadratic peak is met and its covariance exact."""
    covariance = np.float32([[4e-4, 1e-3, 0], [1e-3, 1e-2, -5e-4], [0, -5e-4, 1e-4]])
    scale = jnp.asarray(np.linalg.cholesky(np.linalg.inv(covariance)).T)
    start = retract(RIGID, jnp.eye(3), jnp.float32([0.02, 0.1, -0.01]))
    found = jax.jit(functools.partial(curvature.fit_curvature, bowl(scale)))(jnp.eye(3), start)
    np.testing.assert_allclose(found.pose, jnp.eye(3), atol=2e-3)
    assert found.loss < 0.02
    np.testing.assert_allclose(found.spread @ found.spread.T, covariance, rtol=0.1, atol=2e-5)


def test_measure_ignores_dents_narrower_than_a_peak():
    """Dents narrower than a peak are not taken for it."""
    scale = jnp.eye(3) / 0.1
    measure = jax.jit(functools.partial(curvature.fit_curvature, bowl(scale, dents=0.2)))
    spread = measure(jnp.eye(3), jnp.eye(3)).spread
    sides = jnp.sqrt((spread**2).sum(1))
    # The curvature of a dent would say 0.007.
    assert ((sides > 0.05) & (sides < 0.15)).all()


def test_measure_flat_loss_has_the_widest_peak():
    flat = bowl(jnp.zeros((3, 3)))
    found = jax.jit(functools.partial(curvature.fit_curvature, flat))(jnp.eye(3), jnp.eye(3))
    np.testing.assert_allclose(found.spread, curvature.WIDEST * jnp.eye(3), rtol=0.1)
