"""Models: one definition for images and volumes of any size, one example at a time."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import ModelOptions
from avae_jax.models import Model, build, wrap
from avae_jax.models.networks.conv import depth_to_space, padded, space_to_depth
from avae_jax.models.networks.gaussian_head import NARROW
from avae_jax.models.networks.patches import PatchEncoder

Z = 3
SMALL = {"latent": Z, "hidden": (6, 5), "channels": (2, 4)}
NAMES = ["dense", "patches", "conv", "original"]
# Odd sides, sides that do not halve, and the smallest.
SHAPES = [((9, 6), 3), ((4, 5), 1), ((5, 7, 6), 1), ((4, 4, 5), 3)]


@functools.cache
def model_of(name: str, shape: tuple[int, ...], channels: int, **options) -> tuple:
    """A model and random weights of the right shapes: initialisers take seconds to compile."""
    models = []

    def begin(key: jax.Array) -> dict:
        chosen = ModelOptions(name, **SMALL, **options)
        model, params = build(key, shape, channels, options=chosen)
        models.append(model)
        return params

    shapes, random = jax.eval_shape(begin, jax.random.key(0)), np.random.default_rng(0)

    def draw(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        return random.normal(0, np.prod(leaf.shape[:-1]) ** -0.5, leaf.shape).astype(leaf.dtype)

    return models[0], jax.tree.map(draw, shapes)


def outputs(model: Model, params, x: jax.Array) -> tuple:
    """Mean and log-variance of the latent, and the decoded mean, of one example."""
    mu, logvar = model.encode(params, x)
    return mu, logvar, model.decode(params, mu + logvar)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("shape", "channels"), SHAPES)
def test_every_model_takes_one_example_of_any_size(name, shape, channels):
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
def test_a_batch_is_its_examples_one_by_one(name, shape, channels):
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
def test_bernoulli_means_are_probabilities_and_gaussian_means_are_free(name):
    for likelihood in ("bernoulli", "gaussian"):
        model, params = model_of(name, (4, 5), 1, likelihood=likelihood)
        z = 100 * np.random.default_rng(0).normal(size=(20, Z)).astype(np.float32)
        mean = jax.jit(jax.vmap(lambda z: model.decode(params, z)))(z)  # noqa: B023
        bounded = bool((mean >= 0).all() and (mean <= 1).all())
        assert bounded == (likelihood == "bernoulli")


def test_only_a_learned_scale_is_a_weight():
    for likelihood in ("bernoulli", "gaussian", "gaussian_learned"):
        model, params = model_of("dense", (4, 5), 1, likelihood=likelihood, sigma=0.25)
        learned = likelihood == "gaussian_learned"
        assert ("log_sigma" in params["params"]) == learned
        slope = jax.grad(model.log_sigma)(params)
        assert sum(float(leaf.sum()) for leaf in jax.tree.leaves(slope)) == learned
        assert learned or model.log_sigma(params) == pytest.approx(np.log(0.25), rel=1e-5)


def test_weights_begin_as_the_key_and_the_options_say():
    options = ModelOptions(latent=1, hidden=(4,), likelihood="gaussian_learned", sigma=0.25)
    params = [
        build(jax.random.key(seed), (4, 5), 1, options=options)[1]["params"] for seed in (1, 2)
    ]
    assert params[0]["log_sigma"] == pytest.approx(np.log(0.25), rel=1e-5)
    kernels = [p["encoder"]["Dense_0"]["kernel"] for p in params]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.1


def test_a_pair_trained_elsewhere_is_wrapped():
    model = wrap(lambda p, x: (p * x.sum()[None], x[0, 0]), lambda p, z: z, sigma=0.5)
    mu, logvar = model.encode(2.0, jnp.ones((2, 2, 1)))
    assert (mu.item(), logvar.item()) == (8, 1)
    assert model.decode(2.0, mu).item() == 8
    assert model.log_sigma(None) == pytest.approx(np.log(0.5))


@pytest.mark.parametrize("shape", [(4, 6, 3), (2, 4, 6, 1)])
def test_space_to_depth_keeps_blocks_together_and_comes_back(shape):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    d = len(shape) - 1
    deep = space_to_depth(x)
    assert deep.shape == (*(side // 2 for side in shape[:-1]), 2**d * shape[-1])
    block = x[(slice(2, 4),) * (d - 1) + (slice(0, 2),)] if d == 2 else x[:2, 2:4, :2]
    corner = (1, 0) if d == 2 else (0, 1, 0)
    np.testing.assert_array_equal(deep[corner], block.reshape(-1))
    np.testing.assert_array_equal(depth_to_space(deep), x)


def test_patches_of_a_stage_share_their_weights():
    options = ModelOptions("patches", latent=1, hidden=(4,), channels=(2, 3))
    counted = [
        jax.eval_shape(lambda shape=shape: build(jax.random.key(0), shape, 1, options=options)[1])
        for shape in ((8, 8), (16, 16))
    ]
    for params in counted:
        stages = params["params"]["encoder"]
        assert stages["Dense_0"]["kernel"].shape == (16, 2)
        assert stages["Dense_1"]["kernel"].shape == (8, 3)
    assert counted[1]["params"]["encoder"]["Dense_2"]["kernel"].shape == (12, 4)


def test_a_patch_sees_its_own_pixels_alone():
    model, params = model_of("patches", (16, 16), 1)
    stages = PatchEncoder(Z, SMALL["channels"], SMALL["hidden"])
    x = np.random.default_rng(0).random((16, 16, 1), np.float32)
    other = x.copy()
    other[9, 10] = 0.0
    seen = [
        stages.apply(
            {"params": params["params"]["encoder"]},
            one,
            capture_intermediates=lambda module, _: module.name == "Dense_0",
        )[1]["intermediates"]["Dense_0"]["__call__"][0]
        for one in (x, other)
    ]
    changed = np.argwhere((seen[0] != seen[1]).any(-1))
    np.testing.assert_array_equal(changed, [[2, 2]])


def test_sides_are_padded_to_what_halves():
    assert padded((9, 8, 1), 2) == (12, 8, 4)


@pytest.mark.parametrize("name", ["dense", "patches", "conv"])
def test_a_posterior_is_narrow_to_begin_with(name):
    model, params = build(jax.random.key(0), (9, 6), 1, options=ModelOptions(name, **SMALL))
    # An empty image leaves the biases alone.
    mu, logvar = jax.jit(model.encode)(params, jnp.zeros((9, 6, 1)))
    np.testing.assert_array_equal(mu, np.zeros(Z))
    np.testing.assert_array_equal(logvar, np.full(Z, NARROW))


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_computes_nearly_the_same_and_leaves_all_else_in_float32(name):
    full, params = model_of(name, (9, 6), 3)
    low, _ = model_of(name, (9, 6), 3, dtype="bfloat16")
    x = jax.random.uniform(jax.random.key(0), (9, 6, 3))
    exact, rough = (jax.jit(functools.partial(outputs, m))(params, x) for m in (full, low))
    for one, other in zip(exact, rough, strict=True):
        assert other.dtype == jnp.float32
        assert 0 < abs(one - other).max() < 0.05 * abs(one).max()
    slope = jax.jit(jax.grad(lambda p: low.decode(p, low.encode(p, x)[0]).sum()))(params)
    for leaf, weight in zip(jax.tree.leaves(slope), jax.tree.leaves(params), strict=True):
        assert leaf.dtype == weight.dtype == jnp.float32
