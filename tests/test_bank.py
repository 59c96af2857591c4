"""The bank of posed prototypes and the moments it stands on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blobs import FILL, RANGES, blobs, drawing

from avae_jax import models
from avae_jax.config.options import ModelOptions
from avae_jax.evaluation.pose_metrics import pose_errors
from avae_jax.inference.proposals import template_bank
from avae_jax.models.objective import affine_vae
from avae_jax.transform.families import family
from avae_jax.transform.frame import coordinates, frame
from avae_jax.transform.image_moments import SPREAD, normaliser
from avae_jax.transform.sampling import random_pose
from avae_jax.transform.warp import warp


# Three blobs fix a whitened volume only up to its axes, so `affine` has no single pose in 3-D.
@pytest.mark.parametrize(
    ("name", "shape"),
    [(name, (32, 32)) for name in ("rotation", "rigid", "similarity", "affine")]
    + [(name, (20, 20, 20)) for name in ("rotation", "rigid", "similarity")],
)
def test_one_of_the_proposals_is_near_the_pose_that_was_applied(name, shape):
    avae, params = drawing(blobs(shape), name)
    image = params["image"]
    turns = {2: 64, 3: 512}[len(shape)]
    build = jax.jit(functools.partial(template_bank.build, avae=avae, turns=turns))
    built = build(params, jnp.zeros((2, 2)))
    draw = jax.jit(jax.vmap(lambda key: random_pose(key, avae.group, RANGES)))
    poses = draw(jax.random.split(jax.random.key(0), 12))
    move = functools.partial(warp, source=avae.inner, target=avae.inner)
    x = jax.jit(jax.vmap(move, (None, 0, None)))(image, poses, avae.fill)
    propose = functools.partial(template_bank.propose, built, avae=avae, count=8, degrees=15.0)
    found = np.asarray(jax.jit(jax.vmap(propose))(x).poses)
    moved = np.einsum("bkij,bjl->bkil", found, np.asarray(poses))
    identity = np.broadcast_to(np.eye(len(shape) + 1), moved.shape[1:])
    errors = [pose_errors(candidates, identity) for candidates in moved]
    nearest = np.array([error.degrees.min() for error in errors])
    shifts = np.array([error.shift[error.degrees.argmin()] for error in errors])
    assert (nearest < 30).mean() > 0.9, nearest
    assert (shifts < 0.06).mean() > 0.9, shifts


@pytest.mark.parametrize("name", ["rigid", "similarity", "affine"])
def test_the_normaliser_centres_and_brings_to_size(name):
    shape = (40, 40)
    image, grid, group = jnp.asarray(blobs(shape)), frame(shape), family(name, 2)
    pose = normaliser(image, FILL, grid=grid, group=group)
    moved = warp(image, pose, jnp.asarray(FILL), source=grid, target=grid)
    weight = np.asarray(moved)[..., 0] / float(moved.sum())
    points = coordinates(grid)
    centre = (weight[..., None] * points).sum((0, 1))
    spread = np.einsum("yx,yxi,yxj->ij", weight, points - centre, points - centre)
    np.testing.assert_allclose(centre, 0, atol=0.01)
    if name == "affine":
        np.testing.assert_allclose(spread, SPREAD**2 * np.eye(2), atol=0.02)
    elif name == "similarity":
        np.testing.assert_allclose(np.trace(spread) / 2, SPREAD**2, atol=0.02)


def test_an_empty_image_has_a_finite_normaliser():
    for name in ("rotation", "affine"):
        pose = normaliser(jnp.zeros((16, 16, 1)), FILL, grid=frame((16, 16)), group=family(name, 2))
        assert np.isfinite(pose).all()


def test_a_family_of_rotations_is_not_moved():
    image = jnp.asarray(blobs((16, 16)))
    pose = normaliser(image, FILL, grid=frame((16, 16)), group=family("rotation", 2))
    np.testing.assert_allclose(pose, np.eye(3), atol=1e-6)


def test_the_centres_of_clusters_are_found():
    means = np.float32([[0, 0], [10, 0], [0, 10], [-10, -10]])
    # One of each cluster by turns, four in all, two to either side.
    spread = np.float32([[1, 0], [-1, 0], [0, 2], [0, -2]])
    points = jnp.asarray((means[None] + spread[:, None]).reshape(-1, 2))
    found = np.asarray(template_bank.centres(points, 4))
    errors = np.abs(found[:, None] - means[None]).max(-1)
    np.testing.assert_allclose(errors.min(0), np.zeros(4), atol=1e-5)
    np.testing.assert_array_equal(found, template_bank.centres(points, 4))


def test_no_more_centres_than_points():
    points = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32)
    for count in (5, 9):
        np.testing.assert_array_equal(template_bank.centres(points, count), points)


def test_centres_of_points_that_are_all_alike_are_those_points():
    """As before the first update, where nothing has been met."""
    found = template_bank.centres(jnp.zeros((256, 3)), 16)
    np.testing.assert_array_equal(found, np.zeros((16, 3)))
    lone = jnp.zeros((20, 2)).at[7].set(5.0)
    assert np.isfinite(template_bank.centres(lone, 4)).all()


def test_a_single_centre_is_the_mean():
    points = jnp.asarray(np.random.default_rng(0).normal(size=(30, 3)), jnp.float32)
    np.testing.assert_allclose(template_bank.centres(points, 1)[0], points.mean(0), atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 10), (8, 9, 8)])
def test_prototypes_built_together_are_those_built_alone(shape):
    """Channels and prototypes are not mixed up, whatever is left of the rotations at the end."""
    model, params = models.build(jax.random.key(0), shape, 2, options=ModelOptions(hidden=(16,)))
    avae = affine_vae(
        model, frame(shape), jnp.array([0.1, 0.6]), group=family("rotation", len(shape))
    )
    z = 3 * jax.random.normal(jax.random.key(1), (3, 8))
    build = jax.jit(
        functools.partial(template_bank.build, params, avae=avae, turns=template_bank.TOGETHER + 5)
    )
    together, alone = build(z), [build(one[None]) for one in z]
    for name in ("weights", "bias", "poses"):
        rows = np.concatenate([getattr(one, name) for one in alone])
        np.testing.assert_allclose(getattr(together, name), rows, atol=1e-3)
    assert np.abs(together.weights[0] - together.weights[1]).max() > 0.1
