"""The posterior of code and pose: exact where the model is linear and Gaussian."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.joint_posterior import has_derivatives, joint_posterior
from avae_jax.models import from_numpy_functions
from avae_jax.models.model import Model
from tests.support.linear_gaussian import Z, avae_of, kept, observations, turns, weights

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


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
