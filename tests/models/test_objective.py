"""The objective: its derivatives, the frame it is measured in, and what may not hide."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.inference.problem import prepare, problem
from avae_jax.inference.search.gauss_newton import linearise
from avae_jax.models import Model, wrap
from avae_jax.models.affine_model import AVAE, affine_vae
from avae_jax.models.likelihoods import bernoulli_nll, gaussian_kl
from avae_jax.models.objective import (
    canonicalise,
    crop_to_inner,
    elbo,
    pad_to_outer,
    predict,
    render,
    to_observation,
)
from avae_jax.transform import family, frame, identity, inverse, retract
from avae_jax.transform.families import basis
from avae_jax.transform.frame import support
from avae_jax.transform.matrices import exponential, matmul
from avae_jax.transform.prior_density import log_prior, log_volume
from avae_jax.transform.sampling import random_pose, right_angles
from avae_jax.transform.warp import warp

pytestmark = pytest.mark.standard
FAMILIES = ["rotation", "translation", "rigid", "similarity", "affine"]
SHAPES = {2: (6, 7), 3: (4, 5, 4)}
RANGES = RangeOptions(rotation=100.0, shift=0.1, scale=1.2, shear=0.2)
Z = 2


def smooth_model(shape: tuple[int, ...], channels: int) -> tuple[Model, dict]:
    """A VAE without kinks and random weights, the scale of the likelihood among them."""
    random, pixels = np.random.default_rng(0), int(np.prod(shape)) * channels

    def encode(params, x):
        mu, logvar = jnp.split(jnp.tanh(x.reshape(-1) @ params["encode"]), 2)
        return mu, logvar

    def decode(params, z):
        return jax.nn.sigmoid(z @ params["decode"] + params["bias"]).reshape(*shape, channels)

    params = {
        "encode": random.normal(0, pixels**-0.5, (pixels, 2 * Z)),
        "decode": random.normal(size=(Z, pixels)),
        "bias": random.normal(size=pixels),
        "log_sigma": np.array(-1.0),
    }
    return Model(encode, decode, lambda params: params["log_sigma"]), params


def smooth_avae(name: str, d: int, likelihood: str = "bernoulli") -> tuple[AVAE, dict]:
    model, params = smooth_model(SHAPES[d], 2)
    fill, group = jnp.float32([0.2, 0.4]), family(name, d)
    grid = frame(SHAPES[d])
    avae = affine_vae(model, grid, fill, group=group, ranges=RANGES, likelihood=likelihood)
    return avae, params


def observation(d: int) -> np.ndarray:
    return np.random.default_rng(1).random((*SHAPES[d], 2))


def generators_of_all(d: int) -> np.ndarray:
    """The generators of every family, `[5, P, d + 1, d + 1]`, filled up with zeros."""
    found = [basis(family(name, d)) for name in FAMILIES]
    most = max(map(len, found))
    return np.stack([np.pad(each, [(0, most - len(each)), (0, 0), (0, 0)]) for each in found])


@pytest.mark.full_cases("2-gaussian_learned", "3-bernoulli")
@pytest.mark.parametrize(
    ("d", "likelihood"),
    [(2, "bernoulli"), (2, "gaussian_learned"), (3, "bernoulli"), (3, "gaussian")],
)
def test_elbo_gradient_in_the_pose_agrees_with_differences(d, likelihood):
    """To 1e-4 in float64, for every family, at generic poses, in range and beyond.

    All families in one program: their generators are data here, and the frame and the
    prior those of the largest.
    """
    with jax.enable_x64(True):
        avae, params = smooth_avae("affine", d, likelihood)
        params, x = jax.tree.map(jnp.asarray, params), jnp.asarray(observation(d))
        generators = generators_of_all(d).astype(np.float64)
        size, step = generators.shape[1], 1e-6
        starts = np.random.default_rng(2).uniform(-0.5, 0.5, (len(FAMILIES), size))

        def loss(alpha: jax.Array, generators: jax.Array, start: jax.Array) -> jax.Array:
            first, then = (
                exponential((a[:, None, None] * generators).sum(0)) for a in (start, alpha)
            )
            return sum(elbo(params, None, x, matmul(first, then), avae=avae))

        # All points in one call: the start, then a small step to both sides of each axis.
        sides = np.concatenate([np.zeros((1, size)), step * np.eye(size), -step * np.eye(size)])
        at_sides = jax.vmap(jax.value_and_grad(loss), (0, None, None))
        compute = jax.jit(jax.vmap(at_sides, (None, 0, 0)))
        values, gradients = jax.device_get(compute(sides, generators, starts))
    ahead, behind = np.split(values[:, 1:], 2, axis=1)
    differences = (ahead - behind) / (2 * step)
    length = np.linalg.norm(differences, axis=1, keepdims=True)
    assert (length > 1e-3).all()
    np.testing.assert_allclose(gradients[:, 0] / length, differences / length, atol=1e-4)
    assert (np.abs(differences) > 0).sum(1).tolist() == [family(n, d).size for n in FAMILIES]


def test_linearise_forward_mode_agrees_with_reverse_mode():
    """The forward mode gradient is the reverse mode one."""
    with jax.enable_x64(True):
        avae, params = smooth_avae("rigid", 2)
        params, x = jax.tree.map(jnp.asarray, params), jnp.asarray(observation(2))
        task = problem(params, avae)
        pose = retract(avae.group, jnp.eye(3), jnp.full(avae.group.size, 0.2))
        seen = prepare(x, avae=avae)
        local = jax.jit(functools.partial(linearise, task))(seen, pose)
        there = jax.jit(jax.grad(lambda alpha: task.value(seen, task.retract(pose, alpha))))
        np.testing.assert_allclose(local.gradient, there(jnp.zeros(avae.group.size)), rtol=1e-9)
    assert (np.linalg.eigvalsh(local.curvature) > 0).all()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian_learned"])
def test_elbo_gradient_in_the_weights_agrees_with_differences(likelihood):
    """z sampled, along a random direction in each weight."""
    with jax.enable_x64(True):
        avae, params = smooth_avae("similarity", 2, likelihood)
        params, x = jax.tree.map(jnp.asarray, params), jnp.asarray(observation(2))
        pose = retract(avae.group, jnp.eye(3), jnp.full(avae.group.size, 0.1))
        key, step = jax.random.key(0), 1e-5

        def loss(params: dict) -> jax.Array:
            terms = elbo(params, key, x, pose, avae=avae)
            return terms.nll + terms.kl

        random = np.random.default_rng(3)
        along = {name: random.normal(size=leaf.shape) for name, leaf in params.items()}
        steps = [
            {n: leaf + sign * step * along[n] * (n == name) for n, leaf in params.items()}
            for name in params
            for sign in (1, -1)
        ]
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), params, *steps)
        compute = jax.jit(jax.vmap(jax.value_and_grad(loss)))
        values, gradients = jax.device_get(compute(stacked))
    for i, name in enumerate(params):
        difference = (values[1 + 2 * i] - values[2 + 2 * i]) / (2 * step)
        slope = (gradients[name][0] * along[name]).sum()
        assert slope == pytest.approx(float(difference), rel=1e-4, abs=1e-6)
    assert (gradients["log_sigma"][0] == 0) == (likelihood == "bernoulli")


def test_elbo_terms_as_defined():
    """The terms are those of the definition."""
    avae, params = smooth_avae("rigid", 2)
    params, x = jax.tree.map(jnp.float32, params), jnp.float32(observation(2))

    def expected(pose: jax.Array) -> tuple[jax.Array, jax.Array]:
        move = functools.partial(warp, fill=avae.fill, source=avae.inner)
        mu, logvar = avae.model.encode(params, move(x, pose, target=avae.inner))
        decoded = avae.model.decode(params, mu)
        drawn = jnp.where(support(avae.inner) > 0, decoded, avae.fill[None, None])
        mean = move(drawn, inverse(pose), target=avae.outer)
        return bernoulli_nll(pad_to_outer(x, avae=avae), mean), gaussian_kl(mu, logvar)

    near, far = np.float32([[0.3, 0.1, -0.1], [0.3, 0.5, 0.1]])
    poses = [retract(avae.group, identity(2), jnp.asarray(alpha)) for alpha in (near, far)]
    found = jax.jit(functools.partial(elbo, params, None, x, avae=avae))
    for pose, out_of_range in zip(poses, (False, True), strict=True):
        terms = found(pose)
        np.testing.assert_allclose(terms[:2], jax.jit(expected)(pose), rtol=1e-5)
        assert (terms.prior > 100) == out_of_range
        assert (terms.prior == 0) != out_of_range


def test_predict_samples_z_with_a_key_alone():
    """Z is sampled with a key and its mean without."""
    model = wrap(
        lambda params, x: (jnp.float32([0.3]), jnp.log(jnp.float32([0.04]))),
        lambda params, z: jnp.broadcast_to(z[:, None, None], (5, 5, 1)),
    )
    grid = frame((5, 5))
    avae = affine_vae(model, grid, np.zeros(1), group=family("rotation", 2), likelihood="gaussian")
    x = jnp.zeros((5, 5, 1))

    def drawn(key: jax.Array | None) -> jax.Array:
        return predict(None, key, x, identity(2), avae=avae).mean[2, 2, 0]

    keys = jax.random.split(jax.random.key(0), 2000)
    mean, sampled = jax.jit(lambda: (drawn(None), jax.vmap(drawn)(keys)))()
    assert mean == pytest.approx(0.3)
    assert sampled.mean() == pytest.approx(0.3, abs=0.02)
    assert sampled.std() == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("name", ["rotation", "affine"])
def test_widen_keeps_the_frame_and_fills_around(name):
    """The observation is untouched within its frame and fill around it."""
    avae, _ = smooth_avae(name, 2)
    x = jnp.float32(observation(2))
    wide = np.array(pad_to_outer(x, avae=avae))
    assert wide.shape == (*avae.outer.shape, 2)
    rim = [(big - small) // 2 for big, small in zip(wide.shape, x.shape, strict=True)][:2]
    inside = tuple(slice(r, r + n) for r, n in zip(rim, x.shape, strict=False))
    np.testing.assert_array_equal(wide[inside], x)
    np.testing.assert_array_equal(crop_to_inner(jnp.asarray(wide), avae=avae), x)
    wide[inside] = avae.fill
    np.testing.assert_array_equal(wide, np.broadcast_to(avae.fill, wide.shape))
    assert (wide.shape == x.shape) == (name == "rotation" and rim == [0, 0])


@pytest.mark.parametrize(("name", "d"), [("rotation", 2), ("affine", 2), ("rigid", 3)])
def test_elbo_ignores_what_is_outside_the_support(name, d):
    """A decoder that paints the corners is drawn, and pays, as one that leaves them alone."""
    avae, _ = smooth_avae(name, d)
    x, outside = jnp.float32(observation(d)), 1 - support(avae.inner)
    painted = wrap(
        lambda params, x: (jnp.zeros(Z), jnp.zeros(Z)), lambda params, z: 0.5 + params * outside
    )
    avae = avae._replace(model=painted)

    def loss(paint: jax.Array, key: jax.Array) -> jax.Array:
        pose = inverse(random_pose(key, avae.group, RANGES))
        return elbo(jnp.broadcast_to(paint, x.shape), None, x, pose, avae=avae).nll

    keys = jax.random.split(jax.random.key(0), 8)
    losses = jax.jit(jax.vmap(jax.vmap(loss, (None, 0)), (0, None)))(jnp.float32([0, 0.49]), keys)
    np.testing.assert_array_equal(losses[0], losses[1])
    drawn = render(jnp.full(x.shape, 0.49), jnp.zeros(Z), avae=avae)
    beyond = np.broadcast_to(outside > 0, x.shape)
    np.testing.assert_array_equal(drawn[beyond], np.broadcast_to(avae.fill, x.shape)[beyond])
    assert (np.asarray(drawn)[~beyond] == 0.5).all()


@pytest.mark.parametrize("d", [2, 3])
def test_elbo_the_same_in_every_right_angle_frame(d):
    """Turn the observation, or the canonical frame of the model: the loss of the pose follows."""
    shape, grid = (5,) * d, frame((5,) * d)
    model, params = smooth_model(shape, 1)
    params = jax.tree.map(jnp.float32, params)
    x = jnp.float32(np.random.default_rng(0).random((*shape, 1)))
    group = family("rigid", d)
    avae = affine_vae(model, grid, np.zeros(1), group=group, ranges=RANGES)
    alpha = np.random.default_rng(1).uniform(-0.3, 0.3, group.size)
    pose = retract(group, identity(d), jnp.float32(alpha))

    def losses(right: jax.Array) -> tuple[jax.Array, ...]:
        def turn(image: jax.Array, pose: jax.Array) -> jax.Array:
            return warp(image, pose, jnp.zeros(1), source=grid, target=grid)

        back = inverse(right)
        other = model._replace(
            encode=lambda params, x: model.encode(params, turn(x, back)),
            decode=lambda params, z: turn(model.decode(params, z), right),
        )
        moved = avae._replace(model=other)
        return (
            elbo(params, None, turn(x, right), matmul(pose, back), avae=avae),
            elbo(params, None, x, matmul(right, pose), avae=moved),
        )

    for terms in jax.jit(jax.vmap(losses))(jnp.asarray(right_angles(d))):
        # The first right angle is no turn at all.
        np.testing.assert_allclose(terms.nll, np.full(len(terms.nll), terms.nll[0]), rtol=1e-5)
        np.testing.assert_allclose(terms.kl, np.full(len(terms.kl), terms.kl[0]), rtol=1e-4)


def test_canonicalise_and_observe_are_inverse():
    """What goes to the canonical frame comes back by the same pose."""
    avae, _ = smooth_avae("rotation", 2)
    grid = frame((7, 7))
    avae = avae._replace(inner=grid, outer=grid)
    x = jnp.float32(np.random.default_rng(0).random((7, 7, 2)))

    @jax.jit
    @jax.vmap
    def there_and_back(pose: jax.Array) -> jax.Array:
        return to_observation(canonicalise(x, pose, avae=avae), pose, avae=avae)

    for back in there_and_back(jnp.asarray(right_angles(2))):
        np.testing.assert_allclose(back, x, atol=1e-5)


def test_elbo_prior_is_the_density_of_the_pose():
    """Without its constant, in nats: for a pose behind the walls of every factor."""
    avae, params = smooth_avae("similarity", 2)
    params, x = jax.tree.map(jnp.float32, (params, observation(2)))
    pose = retract(avae.group, jnp.eye(3), jnp.float32([2.5, 0.4, 0.0, 0.3]))
    paid = jax.jit(functools.partial(elbo, avae=avae))(params, None, x, pose).prior
    density = jax.jit(functools.partial(log_prior, avae.group, RANGES))(pose)
    expected = density + log_volume(avae.group, RANGES)
    assert expected < -100
    assert paid == pytest.approx(-float(expected), rel=1e-5)
