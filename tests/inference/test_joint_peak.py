"""The normal around an optimum: exact where the model is linear, right where the mass is."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference import joint_peak
from avae_jax.inference.joint_posterior import joint_posterior
from avae_jax.inference.joint_problem import Place, joint_problem
from avae_jax.inference.problem import prepare
from avae_jax.transform.frame import support
from tests.support.linear_gaussian import (
    SIGMA,
    Z,
    avae_of,
    kept,
    observations,
    turns,
    weights,
)

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


@pytest.fixture(params=["short code", "long code"])
def either_beginning(request, monkeypatch):
    """The normals of short codes begin at the peak, those of long ones at the encoder's width."""
    if request.param == "long code":
        monkeypatch.setattr(joint_peak, "MANY", Z)
    return request.param


@pytest.mark.full
def test_normal_of_a_linear_model_is_the_posterior_of_its_code(either_beginning):
    """At a sharp pose the covariance of the code is the inverse of the exact precision."""
    avae, params = avae_of(), weights()
    x = observations(turns([0.3]), avae=avae)
    known = jax.jit(functools.partial(joint_posterior, avae=avae))(
        params, x, kept(turns([-0.3])[None])
    )
    white = np.asarray(known.whitening[0, 0])
    precision = (white.T @ white)[:Z, :Z]
    task, seen = joint_problem(params, Z, avae=avae), prepare(x[0], avae=avae)
    step = np.float32([0.5, -0.25])
    below, here, above = (
        float(task.value(seen, Place(known.codes[0, 0] + share * step, known.poses[0, 0])))
        for share in (-1, 0, 1)
    )
    # The curvature of long codes is that before the last move of the pose, which interpolation
    # changes by some per cent.
    off = {"short code": 0.05, "long code": 0.1}[either_beginning]
    # The second difference of a parabola is its curvature.
    np.testing.assert_allclose(below + above - 2 * here, step @ precision @ step, rtol=off)


@pytest.mark.full
@pytest.mark.usefixtures("either_beginning")
def test_width_is_that_of_the_mass_and_not_of_the_peak():
    """Of a decoder that is flat at the peak: Laplace's approximation would say the prior's, 1."""
    model, params = avae_of().model, weights()
    flat = model._replace(
        # About what training would make of its width: a quarter of the variance of the prior.
        encode=lambda params, x: (jnp.zeros(Z), jnp.full(Z, np.log(0.25))),
        decode=lambda params, z: model.decode(params, z * z),
    )
    avae = avae_of()._replace(model=flat)
    x = avae.model.decode(params, jnp.zeros(Z))[None]
    known = jax.jit(functools.partial(joint_posterior, avae=avae))(
        params, x, kept(turns([0.0])[None])
    )
    covariance = np.asarray(known.spread[0, 0] @ known.spread[0, 0].T)
    inside = np.asarray(support(avae.inner)).reshape(-1, 1) > 0
    energy = ((params["directions"] * inside) ** 2).sum(0) / SIGMA**2
    z = np.linspace(-4, 4, 4001)[:, None]
    density = np.exp(-(z**2) / 2 - energy * z**4 / 2)
    exact = np.sqrt((density * z**2).sum(0) / density.sum(0))
    assert (exact < 0.5).all()
    np.testing.assert_allclose(np.sqrt(np.diag(covariance))[:Z], exact, rtol=0.5)


@pytest.mark.standard
def test_optimum_far_worse_than_another_counts_as_none(monkeypatch):
    """And changes nothing of the others, whatever it would have weighed."""
    x = observations(turns([0.3]), avae=avae_of())
    candidates = kept(turns([np.pi - 0.3, -0.3])[None])

    def normals():
        program = jax.jit(functools.partial(joint_posterior, avae=avae_of()))
        return program(weights(), x, candidates)

    both = normals()
    gap = both.log_weights[0, 0] - both.log_weights[0, 1]
    assert 3 < gap < joint_peak.HOPELESS
    monkeypatch.setattr(joint_peak, "HOPELESS", 2.0)
    one = normals()
    np.testing.assert_array_equal(one.log_weights[0], [0, -np.inf])
    np.testing.assert_allclose(one.poses[0, 0], both.poses[0, 0], atol=1e-5)
    np.testing.assert_allclose(one.spread[0, 0], both.spread[0, 0], rtol=1e-3, atol=1e-5)


@pytest.mark.quick
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_step_that_is_not_known_is_none(bad):
    spread = np.eye(2, dtype=np.float32)
    np.testing.assert_array_equal(
        jax.jit(joint_peak._step)(np.float32([bad, 0.1]), spread), np.zeros(2)
    )
    found = jax.jit(joint_peak._step)(np.float32([0.2, 0.1]), spread)
    np.testing.assert_allclose(found, [-0.2, -0.1])
