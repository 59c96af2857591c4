"""Tests of `avae_jax.models.augmentation`."""

import functools

import jax
import numpy as np
import pytest

from avae_jax.inference.problem import example_keys
from avae_jax.models.augmentation import pose_batch
from avae_jax.transform.warp import warp
from tests.support.tiny_vae import avae_of, images

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_pose_batch_warps_by_the_poses_it_returns():
    avae, x = avae_of("rigid"), images()[:3]
    keys = example_keys(jax.random.key(0), np.arange(3))
    pose = jax.jit(functools.partial(pose_batch, avae=avae))
    moved_by = jax.jit(functools.partial(warp, source=avae.inner, target=avae.inner))
    posed, poses = pose(keys, x)
    assert posed.shape == x.shape and poses.shape == (3, 3, 3)
    for example, turn, found in zip(x, poses, posed, strict=True):
        np.testing.assert_allclose(found, moved_by(example, turn, avae.fill), atol=1e-5)
    # By the key of the example, not by its place.
    again, _ = pose(keys[1:], x[1:])
    np.testing.assert_allclose(again, posed[1:], atol=1e-5)
