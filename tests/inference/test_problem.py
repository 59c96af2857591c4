"""Tests of `avae_jax.inference.problem`."""

import jax
import numpy as np
import pytest

from avae_jax.inference.problem import prepare, problem
from avae_jax.transform import random_pose
from tests.support.single_object import blobs, drawing

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.mark.parametrize("name", ["rotation", "affine"])
def test_problem_held_predicts_the_same(name):
    """What is held predicts the same where it was explained."""
    avae, params = drawing(blobs((10, 10)), name)
    task, seen = problem(params, avae), prepare(params["image"], avae=avae)
    pose, other = (random_pose(jax.random.key(seed), avae.group, avae.ranges) for seed in (0, 1))
    held, full = jax.jit(lambda pose: (task.hold(seen, pose)(pose), task.predict(seen, pose)))(pose)
    for one, another in zip(held, full, strict=True):
        np.testing.assert_allclose(one, another, atol=1e-6)
    moved = jax.jit(lambda pose, other: task.hold(seen, pose)(other))(pose, other)
    # The posterior stays, the object goes where it is put.
    np.testing.assert_array_equal(moved.mu, held.mu)
    assert np.abs(moved.mean - held.mean).max() > 0.05
