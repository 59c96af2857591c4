"""What the page is given to explore: poses tried, optima kept, codes on a map."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from clubs import BATCH, SHAPE, Z, avae_of, images, weights

from avae_jax.evaluation import explorer, trial_poses
from avae_jax.inference import batch
from avae_jax.inference.problem import example_keys
from avae_jax.models.augmentation import pose_batch
from avae_jax.models.objective import elbo
from avae_jax.transform.matrices import affine, plane_rotation

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


def turn(degrees):
    rotation = plane_rotation(jnp.radians(jnp.float32(degrees)), (0, 1), 2)
    return np.asarray(affine(rotation, jnp.zeros(2)))


@pytest.mark.parametrize("name", ["rotation", "affine"])
def test_poses_tried_are_scored_and_seen_as_everywhere_else(name):
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


def test_what_is_canonical_is_shown_upright():
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


def test_large_pictures_shrink_and_small_ones_stay():
    small = jnp.asarray(images()[0])
    np.testing.assert_array_equal(trial_poses.thumbnail(small), small)
    assert trial_poses.thumbnail(jnp.ones((100, 50, 3))).shape == (40, 20, 3)
    assert trial_poses.thumbnail(jnp.ones((64, 64, 64, 1))).shape == (32, 32, 32, 1)
    np.testing.assert_allclose(trial_poses.thumbnail(jnp.full((100, 50, 3), 0.25)), 0.25, atol=1e-6)
    assert trial_poses.thumb_shape(SHAPE) == SHAPE


def test_the_most_doubtful_get_a_dial():
    gap = np.full(40, np.inf)
    gap[[30, 5, 21, 38]] = [1.0, 0.1, 2.0, 3.0]
    chosen = explorer.choose_examples(gap, 12)
    np.testing.assert_array_equal(chosen, [*range(9), 30, 21, 38])
    np.testing.assert_array_equal(explorer.choose_examples(gap[:3], 12), [0, 1, 2])


def test_candidates_that_are_one_optimum_are_shown_once():
    poses = np.stack([turn(0), turn(4), turn(90), turn(-3), turn(180)])
    losses = np.array([1.0, 2.0, 3.0, 4.0, np.inf])
    np.testing.assert_array_equal(explorer.apart(poses, losses, degrees=15.0), [0, 2])
    lost = np.full(5, np.inf)
    np.testing.assert_array_equal(explorer.apart(poses, lost, degrees=15.0), [0])


def test_codes_are_placed_along_their_widest_axes():
    random = np.random.default_rng(0)
    spread = random.normal(size=(50, 3)) * [0.1, 3.0, 1.0]
    place, shares = explorer.principal(spread.astype(np.float32) + 5)
    np.testing.assert_allclose(place[:, 0], spread[:, 1] - spread[:, 1].mean(), atol=0.3)
    np.testing.assert_allclose(np.var(place, axis=0) / np.var(spread, axis=0).sum(), shares)
    assert shares[0] > 0.8 > 0.15 > shares[1]
    alone, shares = explorer.principal(np.array([[1.0], [2.0]]))
    np.testing.assert_allclose(alone, [[-0.5, 0.0], [0.5, 0.0]])
    assert shares == (1.0, 0.0)
    one, _ = explorer.principal(np.ones((1, 4)))
    np.testing.assert_array_equal(one, np.zeros((1, 2)))
