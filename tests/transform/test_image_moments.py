"""Tests of `avae_jax.transform.image_moments`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.transform.families import family
from avae_jax.transform.frame import coordinates, frame
from avae_jax.transform.image_moments import SPREAD, normaliser
from avae_jax.transform.warp import warp
from tests.support.single_object import FILL, blobs


@pytest.mark.standard
@pytest.mark.parametrize("name", ["rigid", "similarity", "affine"])
def test_normaliser_centres_and_brings_to_size(name):
    shape = (40, 40)
    image, grid, group = jnp.asarray(blobs(shape)), frame(shape), family(name, 2)
    pose = normaliser(image, FILL, frame=grid, group=group)
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


@functools.partial(jax.jit, static_argnums=1)
def normalised(image, name):
    return normaliser(image, FILL, frame=frame((16, 16)), group=family(name, 2))


def test_normaliser_of_an_empty_image_finite():
    for name in ("rotation", "affine"):
        assert np.isfinite(normalised(np.zeros((16, 16, 1), np.float32), name)).all()


def test_normaliser_leaves_rotations_alone():
    """A family of rotations is not moved."""
    pose = normalised(np.asarray(blobs((16, 16)), np.float32), "rotation")
    np.testing.assert_allclose(pose, np.eye(3), atol=1e-6)
