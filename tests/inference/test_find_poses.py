"""The search over the objective itself: symmetric objects, and what is held of an explanation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference.find_poses import build_bank, find_poses
from avae_jax.inference.problem import example_keys, prepare, problem
from avae_jax.inference.search import resolve
from avae_jax.models.objective import elbo
from avae_jax.transform import family, frame, identity, random_pose, warp
from avae_jax.transform.frame import coordinates
from avae_jax.transform.matrices import affine, matmul, plane_rotation
from tests.support.single_object import drawing
from tests.support.tiny_vae import avae_of, images, trained, weights

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@functools.cache
def finder():
    """A compiled search among the right angles, and what it is given beside images."""
    options = SearchOptions(kind="right_angles", starts=4, keep=4, steps=0, polish=0)
    full = resolve(options, family("rotation", 2))
    keys = example_keys(jax.random.key(0), np.arange(8))
    return jax.jit(functools.partial(find_poses, avae=avae_of(), options=full)), keys


@pytest.mark.full
def test_find_poses_quarter_turn_modulo():
    """The search follows the object: found . applied stays what it is."""
    (state, _), (find, keys) = trained("even", 30), finder()
    quarter = affine(plane_rotation(jnp.float32(np.pi / 2), (0, 1), 2), jnp.zeros(2))
    x = images()[:8]
    before, after = find(state.params, keys, x), find(state.params, keys, jnp.rot90(x, 1, (1, 2)))
    np.testing.assert_allclose(after.loss, before.loss, rtol=1e-4)
    more = matmul(after.pose, quarter[None])
    np.testing.assert_allclose(more, before.pose, atol=1e-4)


def cube() -> np.ndarray:
    away = np.abs(coordinates(frame((8, 8, 8)))).max(-1)
    return np.clip(4 * (0.55 - away), 0, 1).astype(np.float32)[..., None]


def ring() -> np.ndarray:
    away = np.linalg.norm(coordinates(frame((10, 10))), axis=-1)
    return np.exp(-((away - 0.5) ** 2) / 0.02).astype(np.float32)[..., None]


@pytest.mark.full
@pytest.mark.parametrize("shape", [ring, cube])
@pytest.mark.parametrize("method", ["register", "gauss_newton"])
def test_find_poses_symmetric_object(shape, method):
    """A symmetric object gets a valid pose that is as good as the true one."""
    avae, params = drawing(shape(), "rotation")
    options = SearchOptions(
        starts=4, keep=1, steps=4, polish=0, prototypes=1, turns=64, method=method
    )
    options = resolve(options, avae.group)
    built = jax.jit(functools.partial(build_bank, avae=avae, options=options))(
        params, jnp.zeros((1, 2))
    )
    keys = jax.random.split(jax.random.key(0), 4)
    poses = jax.vmap(lambda key: random_pose(key, avae.group, avae.ranges))(keys)
    # One that is upright, too: no turn at all, where nothing has a slope.
    poses = jnp.concatenate([poses[:3], identity(avae.group.d)[None]])
    move = functools.partial(warp, source=avae.inner, target=avae.inner)
    x = jax.jit(jax.vmap(move, (None, 0, None)))(params["image"], poses, avae.fill)
    find = jax.jit(functools.partial(find_poses, avae=avae, options=options))
    found = find(params, keys, x, bank=built)
    assert np.isfinite(found.pose).all() and not found.nonfinite.any()
    turned = np.asarray(found.pose)[:, :-1, :-1]
    unit = np.broadcast_to(np.eye(avae.group.d), turned.shape)
    np.testing.assert_allclose(turned @ turned.transpose(0, 2, 1), unit, atol=1e-4)
    np.testing.assert_allclose(np.linalg.det(turned), np.ones(4), rtol=1e-4)
    true = jnp.linalg.inv(poses)
    value = problem(params, avae).value
    at_truth = jax.jit(jax.vmap(lambda one, pose: value(prepare(one, avae=avae), pose)))(x, true)
    # Nothing is interpolated at no turn at all: there the truth is a notch that none must hit.
    assert (found.loss < 1.05 * at_truth)[:3].all()
    assert np.isfinite(found.loss).all()


def test_find_poses_loss_belongs_to_its_noise():
    """With noise the loss of the search is the one that this noise gives, else that of the mean."""
    avae, params, x = avae_of(), weights(), images()[:3]
    options = resolve(SearchOptions(kind="even", starts=4, keep=1, steps=1), avae.group)
    keys, noise = (jax.random.split(jax.random.key(seed), 3) for seed in (0, 1))
    find = jax.jit(functools.partial(find_poses, avae=avae, options=options))
    each = jax.jit(jax.vmap(lambda *args: sum(elbo(params, *args, avae=avae))))
    found = find(params, keys, x, noise=noise)
    np.testing.assert_allclose(found.loss, each(noise, x, found.pose), rtol=1e-5)
    assert (np.abs(found.loss - each(None, x, found.pose)) > 1e-3).all()
    (find, keys), x = finder(), images()[:8]
    found = find(params, keys, x)
    np.testing.assert_allclose(found.loss, each(None, x, found.pose), rtol=1e-5)
