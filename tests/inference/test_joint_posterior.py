"""The posterior of code and pose: exact where the model is linear and Gaussian."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.joint_posterior import has_derivatives, joint_posterior
from avae_jax.inference.joint_problem import Place, joint_problem
from avae_jax.inference.problem import prepare
from avae_jax.inference.search import SearchResult
from avae_jax.models import from_numpy_functions
from avae_jax.models.model import Model
from avae_jax.transform.frame import support
from tests.support.linear_gaussian import SIGMA, Z, avae_of, observations, turns, weights

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


def kept(poses):
    """A search that kept `poses: [B, K, 3, 3]`; all else is not looked at."""
    losses = jnp.zeros(poses.shape[:2])
    return SearchResult(poses[:, 0], losses[:, 0], poses, losses, *[losses[:, 0]] * 3)


@pytest.mark.full
def test_normal_of_a_linear_model_is_the_posterior_of_its_code():
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
    # The second difference of a parabola is its curvature.
    np.testing.assert_allclose(below + above - 2 * here, step @ precision @ step, rtol=0.05)


@pytest.mark.full
def test_width_is_that_of_the_mass_and_not_of_the_peak():
    """Of a decoder that is flat at the peak: Laplace's approximation would say the prior's, 1."""
    model, params = avae_of().model, weights()
    flat = model._replace(
        encode=lambda params, x: (jnp.zeros(Z), jnp.zeros(Z)),
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


@pytest.mark.full
def test_peaks_found_twice_count_once_and_the_better_one_weighs_more():
    """Two of three candidates end in one optimum; the third is half a turn off."""
    avae = avae_of()
    x = observations(turns([0.3]), avae=avae)
    near = turns([-0.3, -0.27, np.pi - 0.3])
    known = jax.jit(functools.partial(joint_posterior, avae=avae))(weights(), x, kept(near[None]))
    shares = np.exp(known.log_weights[0])
    assert (shares > 0).sum() == 2 and shares[0] > 0.9
    np.testing.assert_allclose(shares.sum(), 1, rtol=1e-5)
    product = np.matmul(known.whitening[0], known.spread[0])
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(Z + 1), product.shape), atol=1e-3)


@pytest.mark.full
@pytest.mark.parametrize("chunk", [None, 4, 64])
def test_chunks_give_the_same_posterior(chunk):
    """However many are computed at once."""
    avae = avae_of()
    x = observations(turns([0.3, -1.0, 2.0]), avae=avae)
    found = kept(jnp.stack([turns([-0.3, 1.0, -2.0]), turns([1.2, 0.0, 1.0])], 1))
    whole = jax.jit(functools.partial(joint_posterior, avae=avae))(weights(), x, found)
    parts = jax.jit(functools.partial(joint_posterior, avae=avae, chunk=chunk))(weights(), x, found)
    np.testing.assert_allclose(parts.codes, whole.codes, atol=1e-4)
    np.testing.assert_allclose(parts.log_weights, whole.log_weights, atol=1e-2)


def test_has_derivatives_tells_functions_outside_of_jax():
    """Of a model in NumPy there are values alone."""
    avae = avae_of()
    assert has_derivatives(weights(), Z, avae=avae)
    encode, decode = from_numpy_functions(
        lambda x: (np.zeros((len(x), 1)), np.zeros((len(x), 1))),
        lambda z: np.zeros((len(z), 9, 9, 1)),
        shape=(9, 9, 1),
        latent=1,
    )
    assert not has_derivatives(
        {}, 1, avae=avae._replace(model=Model.from_functions(encode, decode))
    )
