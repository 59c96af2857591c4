"""The search over the objective itself: symmetric objects, and what is held of an explanation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blobs import blobs, drawing
from clubs import avae_of, images, weights

from avae_jax.config.options import SearchOptions
from avae_jax.inference.find_poses import build_bank, find_poses
from avae_jax.inference.problem import problem, see
from avae_jax.inference.search import resolve
from avae_jax.models.objective import elbo
from avae_jax.transform import frame, identity, random_pose, warp
from avae_jax.transform.frame import coordinates

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


def cube() -> np.ndarray:
    away = np.abs(coordinates(frame((8, 8, 8)))).max(-1)
    return np.clip(4 * (0.55 - away), 0, 1).astype(np.float32)[..., None]


def ring() -> np.ndarray:
    away = np.linalg.norm(coordinates(frame((10, 10))), axis=-1)
    return np.exp(-((away - 0.5) ** 2) / 0.02).astype(np.float32)[..., None]


@pytest.mark.parametrize("shape", [ring, cube])
@pytest.mark.parametrize("method", ["register", "gauss_newton"])
def test_a_symmetric_object_gets_a_valid_pose_that_is_as_good_as_the_true_one(shape, method):
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
    at_truth = jax.jit(jax.vmap(lambda one, pose: value(see(one, avae=avae), pose)))(x, true)
    # Nothing is interpolated at no turn at all: there the truth is a notch that none must hit.
    assert (found.loss < 1.05 * at_truth)[:3].all()
    assert np.isfinite(found.loss).all()


@pytest.mark.parametrize("name", ["rotation", "affine"])
def test_what_is_held_predicts_the_same_where_it_was_explained(name):
    avae, params = drawing(blobs((10, 10)), name)
    task, seen = problem(params, avae), see(params["image"], avae=avae)
    pose, other = (random_pose(jax.random.key(seed), avae.group, avae.ranges) for seed in (0, 1))
    held, full = jax.jit(lambda pose: (task.hold(seen, pose)(pose), task.predict(seen, pose)))(pose)
    for one, another in zip(held, full, strict=True):
        np.testing.assert_allclose(one, another, atol=1e-6)
    moved = jax.jit(lambda pose, other: task.hold(seen, pose)(other))(pose, other)
    # The posterior stays, the object goes where it is put.
    np.testing.assert_array_equal(moved.mu, held.mu)
    assert np.abs(moved.mean - held.mean).max() > 0.05


def test_with_noise_the_loss_of_the_search_is_the_one_that_this_noise_gives():
    avae, params, x = avae_of(), weights(), images()[:3]
    options = resolve(SearchOptions(kind="even", starts=4, keep=1, steps=1), avae.group)
    keys, noise = (jax.random.split(jax.random.key(seed), 3) for seed in (0, 1))
    find = jax.jit(functools.partial(find_poses, avae=avae, options=options))
    each = jax.jit(jax.vmap(lambda *args: sum(elbo(params, *args, avae=avae))))
    found = find(params, keys, x, noise=noise)
    np.testing.assert_allclose(found.loss, each(noise, x, found.pose), rtol=1e-5)
    # Without noise it is the mean that counts.
    assert (np.abs(found.loss - find(params, keys, x).loss) > 1e-3).all()
