"""Models: one definition for images and volumes of any size, one example at a time."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import ModelOptions
from avae_jax.models import build
from tests.support.small_networks import NAMES, SHAPES, Z, model_of, outputs

pytestmark = pytest.mark.standard


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("shape", "channels"), SHAPES)
def test_build_takes_examples_of_any_size(name, shape, channels):
    """Every model takes one example of any size."""
    model, params = model_of(name, shape, channels)
    x = jax.ShapeDtypeStruct((*shape, channels), jnp.float32)
    mu, logvar, mean = jax.eval_shape(functools.partial(outputs, model, params), x)
    assert mu.shape == logvar.shape == (Z,)
    assert mean.shape == (*shape, channels)
    assert {part.dtype for part in (mu, logvar, mean)} == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("name", "shape", "channels"),
    [
        ("dense", (9, 6), 3),
        ("patches", (5, 7, 6), 1),
        ("conv", (9, 6), 3),
        ("conv", (5, 7, 6), 1),
        ("original", (9, 6), 3),
    ],
)
def test_build_batch_is_examples_one_by_one(name, shape, channels):
    model, params = model_of(name, shape, channels)
    one = functools.partial(outputs, model, params)
    x = np.random.default_rng(0).random((4, *shape, channels), np.float32)
    together, apart = (jax.jit(many(one)) for many in (jax.vmap, loop))
    batch = together(x)
    for found, expected in zip(batch, apart(x), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    # Nothing of one example comes through to another: no normalisation over the batch.
    for found, expected in zip(together(np.concatenate([x[:1], 1 - x[1:]])), batch, strict=True):
        np.testing.assert_allclose(found[0], expected[0], atol=1e-6)
        assert np.abs(found[1:] - expected[1:]).max() > 1e-4


def loop(one):
    return functools.partial(jax.lax.map, one)


@pytest.mark.parametrize("name", NAMES)
def test_build_means_bounded_for_bernoulli_alone(name):
    """Bernoulli means are probabilities and gaussian means are free."""
    for likelihood in ("bernoulli", "gaussian"):
        model, params = model_of(name, (4, 5), 1, likelihood=likelihood)
        z = 100 * np.random.default_rng(0).normal(size=(20, Z)).astype(np.float32)
        mean = jax.jit(jax.vmap(lambda z: model.decode(params, z)))(z)  # noqa: B023
        bounded = bool((mean >= 0).all() and (mean <= 1).all())
        assert bounded == (likelihood == "bernoulli")


def test_build_learned_scale_is_a_weight():
    """Only a learned scale is a weight."""
    for likelihood in ("bernoulli", "gaussian", "gaussian_learned"):
        model, params = model_of("dense", (4, 5), 1, likelihood=likelihood, sigma=0.25)
        learned = likelihood == "gaussian_learned"
        assert ("log_sigma" in params["params"]) == learned
        slope = jax.grad(model.log_sigma)(params)
        assert sum(float(leaf.sum()) for leaf in jax.tree.leaves(slope)) == learned
        assert learned or model.log_sigma(params) == pytest.approx(np.log(0.25), rel=1e-5)


def test_build_weights_follow_key_and_options():
    """Weights begin as the key and the options say."""
    options = ModelOptions(latent=1, hidden=(4,), likelihood="gaussian_learned", sigma=0.25)
    params = [
        build(jax.random.key(seed), (4, 5), 1, options=options)[1]["params"] for seed in (1, 2)
    ]
    assert params[0]["log_sigma"] == pytest.approx(np.log(0.25), rel=1e-5)
    kernels = [p["encoder"]["Dense_0"]["kernel"] for p in params]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.1
