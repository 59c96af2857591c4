"""Tests of `avae_jax.evaluation.trial_poses`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.evaluation import trial_poses
from avae_jax.inference import batch
from avae_jax.inference.problem import example_keys
from avae_jax.models.augmentation import pose_batch
from avae_jax.models.objective import elbo
from avae_jax.transform.matrices import affine, plane_rotation
from tests.support.tiny_vae import BATCH, SHAPE, Z, avae_of, images, weights

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def turn(degrees):
    rotation = plane_rotation(jnp.radians(jnp.float32(degrees)), (0, 1), 2)
    return np.asarray(affine(rotation, jnp.zeros(2)))


@pytest.mark.full_cases("affine")
@pytest.mark.parametrize("name", ["rotation", "affine"])
def test_try_poses_scores_as_everywhere_else(name):
    """Poses tried are scored and seen as everywhere else."""
    avae, params = avae_of(name), weights()
    keys = example_keys(jax.random.key(0), np.arange(BATCH))
    x, _ = jax.jit(functools.partial(pose_batch, avae=avae))(keys, images()[:BATCH])
    poses = np.stack([[turn(10 * b), turn(90), np.eye(3)] for b in range(BATCH)])
    poses = poses.astype(np.float32)
    run = jax.jit(functools.partial(trial_poses.sweep_poses, avae=avae, chunk=5))
    tried = run(params, x, poses, np.eye(3, dtype=np.float32))
    assert tried.loss.shape == (BATCH, 3) and tried.code.shape == (BATCH, 3, Z)
    terms = jax.jit(lambda x, pose: elbo(params, None, x, pose, avae=avae))(x[2], poses[2, 0])
    np.testing.assert_allclose(tried.loss[2, 0], sum(terms), rtol=1e-5)
    views = jax.jit(functools.partial(batch.views, avae=avae))(params, x, poses[:, 0])
    np.testing.assert_allclose(tried.turned[:, 0], views.canonical_input, atol=1e-5)
    np.testing.assert_allclose(tried.drawn[:, 0], views.canonical, atol=1e-5)
    np.testing.assert_allclose(tried.reconstruction[:, 0], views.reconstruction, atol=1e-5)
    # Positive angles turn as np.rot90 does.
    np.testing.assert_allclose(tried.turned[0, 1], np.rot90(x[0]), atol=1e-5)


def test_try_poses_shows_canonical_upright():
    """What is canonical is shown upright."""
    avae, params, x = avae_of(), weights(), images()[:1]
    run = jax.jit(functools.partial(trial_poses.sweep_poses, avae=avae, chunk=None))
    poses = np.eye(3, dtype=np.float32)[None, None]
    plain, turned = (
        run(params, x, poses, np.eye(3, dtype=np.float32)),
        run(params, x, poses, turn(90)),
    )
    np.testing.assert_allclose(turned.drawn[0, 0], np.rot90(plain.drawn[0, 0]), atol=1e-5)
    np.testing.assert_allclose(turned.turned[0, 0], np.rot90(x[0]), atol=1e-5)
    np.testing.assert_array_equal(turned.reconstruction, plain.reconstruction)
    np.testing.assert_array_equal(turned.loss, plain.loss)


def test_thumb_shrinks_large_pictures_alone():
    """Large pictures shrink and small ones stay."""
    small = jnp.asarray(images()[0])
    np.testing.assert_array_equal(trial_poses.thumbnail(small), small)
    assert trial_poses.thumbnail(jnp.ones((100, 50, 3))).shape == (40, 20, 3)
    assert trial_poses.thumbnail(jnp.ones((64, 64, 64, 1))).shape == (32, 32, 32, 1)
    np.testing.assert_allclose(trial_poses.thumbnail(jnp.full((100, 50, 3), 0.25)), 0.25, atol=1e-6)
    assert trial_poses.thumb_shape(SHAPE) == SHAPE
