"""The PyTorch side of the benchmark: the same network, objective and search as in JAX."""

import functools

import jax
import numpy as np
import pytest

from avae_jax import models, transform
from avae_jax.config.options import ModelOptions, RangeOptions, SearchOptions
from avae_jax.inference.problem import prepare, problem
from avae_jax.inference.search import resolve, search
from avae_jax.models.affine_model import AVAE, affine_vae
from avae_jax.transform.sampling import from_unit, mirror, right_angles

torch = pytest.importorskip("torch", reason="torch is missing: install the extra `benchmark`")


from benchmarks.search.torch import search as torch_search  # noqa: E402
from benchmarks.search.torch.networks import carry  # noqa: E402
from benchmarks.search.torch.objective import Objective  # noqa: E402

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("for_an_optimiser")]
DENSE = ModelOptions("dense", latent=4, hidden=(20, 12))
PATCHES = ModelOptions("patches", latent=4, hidden=(12, 9), channels=(3, 5))
SOURCE = ModelOptions("original", latent=4)


def weights(shape: tuple[int, ...], network: ModelOptions, *, channels: int) -> tuple:
    """A model and random weights, of which no bias is zero."""
    model, params = models.build(jax.random.key(0), shape, channels, options=network)
    random = np.random.default_rng(0)
    params = jax.tree.map(lambda w: np.asarray(w) + random.normal(0, 0.05, w.shape), params)
    return model, jax.tree.map(np.float32, params)


def around(name: str, shape: tuple[int, ...], network: ModelOptions, **ranges: float) -> tuple:
    """An affine VAE with two channels, whose `fill` shows, and its weights."""
    model, params = weights(shape, network, channels=2)
    group, fill = transform.family(name, len(shape)), np.float32([0.1, 0.3])
    ranges = RangeOptions(**ranges)
    return affine_vae(model, transform.frame(shape), fill, group=group, ranges=ranges), params


def observations(count: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(1).random((count, *shape, 2), np.float32)


def random_poses(avae: AVAE, shape: tuple[int, ...], **ranges: float) -> np.ndarray:
    """Poses of the family, `[*shape, d + 1, d + 1]`."""
    u = np.random.default_rng(2).random((np.prod(shape), avae.group.size), np.float32)
    pose = functools.partial(from_unit, avae.group, RangeOptions(**ranges))
    return np.array(jax.jit(jax.vmap(pose))(u)).reshape(*shape, *(avae.group.d + 1,) * 2)


@pytest.mark.parametrize("network", [DENSE, PATCHES, SOURCE], ids=lambda o: o.name)
@pytest.mark.parametrize("shape", [(12, 12), (13, 10), (8, 8, 8), (7, 5, 6)])
def test_torch_network_the_same(network, shape):
    model, params = weights(shape, network, channels=2)
    x = observations(3, shape)
    mu, logvar = jax.jit(jax.vmap(functools.partial(model.encode, params)))(x)
    decoded = jax.jit(jax.vmap(functools.partial(model.decode, params)))(mu)
    twin = carry(params, shape, 2, options=network)
    with torch.inference_mode():
        found = twin.encode(torch.tensor(x).movedim(-1, 1))
        drawn = torch.sigmoid(twin.decode(torch.tensor(np.asarray(mu)))).movedim(1, -1)
    np.testing.assert_allclose(found[0], mu, atol=1e-5)
    np.testing.assert_allclose(found[1], logvar, atol=1e-5)
    np.testing.assert_allclose(drawn, decoded, atol=1e-5)
    assert drawn.shape == x.shape


@pytest.mark.parametrize(
    ("name", "shape", "network", "ranges"),
    [
        ("rotation", (12, 12), SOURCE, {}),
        ("rotation", (12, 12), DENSE, {"rotation": 40.0}),
        ("rigid", (12, 9), DENSE, {"shift": 0.1}),
        ("affine", (12, 12), DENSE, {"scale": 1.1, "shear": 0.1}),
        ("rotation", (8, 8, 8), DENSE, {}),
        ("rigid", (8, 7, 8), DENSE, {"shift": 0.1, "rotation": 90.0}),
        ("affine", (6, 8, 7), DENSE, {"scale": 1.1, "shear": 0.1}),
    ],
)
def test_torch_objective_and_gradient_the_same(name, shape, network, ranges):
    """At poses in range and beyond, mirror images among them."""
    avae, params = around(name, shape, network, **ranges)
    count, size, d = 6, avae.group.size, len(shape)
    x = observations(count, shape)
    pose = random_poses(avae, (count,), shift=0.2, scale=1.3, shear=0.3)
    pose[0] = pose[0] @ mirror(d)
    alpha = np.random.default_rng(3).uniform(-0.3, 0.3, (count, size)).astype(np.float32)
    task = problem(params, avae)

    def loss(alpha: jax.Array, x: jax.Array, pose: jax.Array) -> jax.Array:
        return task.value(prepare(x, avae=avae), task.retract(pose, alpha))

    wanted, slope = jax.jit(jax.vmap(jax.value_and_grad(loss)))(alpha, x, pose)
    objective = Objective(params, avae=avae, network=network)
    images = torch.tensor(x).movedim(-1, 1)
    leaf, there = torch.tensor(alpha, requires_grad=True), torch.tensor(pose)
    moved = objective.retract(there, torch.linalg.inv(there), leaf)
    found = objective(*objective.prepare(images), *moved)
    np.testing.assert_allclose(found.detach(), wanted, rtol=1e-4)
    (gradient,) = torch.autograd.grad(found.sum(), leaf)
    scale = np.abs(slope).max(1, keepdims=True)
    np.testing.assert_allclose(gradient.numpy() / scale, slope / scale, atol=2e-3)


@pytest.mark.parametrize(
    ("name", "shape", "network"),
    [("rotation", (8, 8), SOURCE), ("affine", (12, 12), DENSE), ("rotation", (8, 8, 8), DENSE)],
)
def test_torch_search_finds_as_good_poses(name, shape, network):
    """The search finds as good poses from the same starts."""
    avae, params = around(name, shape, network)
    options = SearchOptions("original", starts=8, keep=3, steps=5)
    recipe, x = resolve(options, avae.group), observations(4, shape)
    begin, task = random_poses(avae, (4, 8)), problem(params, avae)

    @jax.jit
    def in_jax(x: jax.Array, begin: jax.Array) -> tuple[jax.Array, jax.Array]:
        seen = jax.vmap(functools.partial(prepare, avae=avae))(x)
        scores = jax.vmap(jax.vmap(task.value, (None, 0)))(seen, begin)
        return search(task, seen, begin, options=recipe).loss, scores.min(1)

    wanted, started = in_jax(x, begin)
    # Chunks that divide neither starts nor candidates.
    same = {"avae": avae, "network": network, "keep": recipe.keep, "steps": recipe.steps}
    poses = torch_search.search(params, x, begin, **same, chunk=10)
    loss = jax.vmap(lambda x, pose: task.value(prepare(x, avae=avae), pose))
    found = np.asarray(jax.jit(loss)(x, poses))
    np.testing.assert_allclose(found, wanted, rtol=0.01)
    # Refined, and never made worse.
    assert found.mean() < started.mean() - 0.1
    assert (found <= started * (1 + 1e-6)).all()


def test_torch_ms_per_example_of_the_same_search():
    """The time is that of the same search."""
    avae, params = around("rotation", (8, 8), DENSE)
    x, begin = observations(4, (8, 8)), np.tile(right_angles(2), (4, 1, 1, 1))
    objective = Objective(params, avae=avae, network=DENSE)
    ms, poses = torch_search.ms_per_example(objective, x, begin, batch=2, keep=1, steps=2)
    again = torch_search.search(params, x, begin, avae=avae, network=DENSE, keep=1, steps=2)
    assert ms > 0
    np.testing.assert_allclose(poses, again, atol=1e-5)


def test_torch_carry_refuses_what_it_cannot():
    """What is not carried over is refused."""
    avae, params = around("rotation", (8, 8), DENSE)
    with pytest.raises(ValueError, match="gaussian"):
        Objective(params, avae=avae._replace(likelihood="gaussian"), network=DENSE)
    with pytest.raises(ValueError, match="conv: PyTorch has only dense, patches, original"):
        carry(params, (8, 8), 2, options=ModelOptions("conv"))
