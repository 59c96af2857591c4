"""Poses from all rotations on: those between the samples of a grid that is coarse."""

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.averaging.volumes.coarse import candidates
from avae_jax.inference.averaging.volumes.level import Level
from avae_jax.inference.averaging.volumes.local import Poses
from avae_jax.inference.averaging.volumes.model import Common, Model
from avae_jax.inference.averaging.volumes.near import Near, at, fine
from avae_jax.inference.averaging.volumes.ready import ready
from avae_jax.inference.averaging.volumes.search import (
    best,
    search,
    search_rounds,
    searched,
    searched_near,
)
from benchmarks.stacks.solid_particles import VolumeCase, solids
from benchmarks.stacks.volumes import Found, errors

SIDE = 16
# A body of revolution but for its handle and its spout, in little noise; a grid of 30 degrees.
STACK = solids(VolumeCase("small", "jug", 3.0, 1, size=SIDE, shift=1.0), count=24, seed=5)
LEVEL = Level(SIDE, 2, 576, 2, 1.0)


def setting() -> tuple:
    """What a search takes, and the model that has the true object for its average."""
    made = ready(STACK.volumes)
    common = Common(jnp.float32(1), jnp.float32(1e-3), jnp.float32(1))
    ones = np.ones((1, SIDE // 2 + 1))
    model = Model(STACK.clean / np.float32(made.scale), ones, np.ones(1, np.float32), common)
    return search(made.volumes, LEVEL), fine(made.volumes, 1), model


def off(rotations: np.ndarray, shifts: np.ndarray) -> float:
    """The median error in degrees."""
    return errors(STACK, Found(rotations, shifts, np.zeros(len(shifts), int)))["median_deg"]


@pytest.mark.full
def test_poses_between_the_rotations_of_a_grid_have_the_azimuth_of_a_body_of_revolution():
    data, whole, model = setting()
    low = at(model, 1, 2)
    grid = candidates(data.grid, low.averages[0], low.common, LEVEL, 1)
    near = searched(data, low, 12)
    finer = searched_near(data, whole, model)
    assert off(grid[0][:, 0], grid[1][:, 0]) > 15, "half the grid's spacing"
    assert off(*(part[:, 0, 0] for part in best(near, 1))) < 5
    assert off(*(part[:, 0, 0] for part in best(finer, 1))) < 3
    assert finer.poses.rotation.shape == (24, 1, 4, 3, 3)


@pytest.mark.standard
def test_rounds_make_an_average_likelier_and_end_when_it_is_no_more():
    data, _, model = setting()
    low = at(model, 1, 2)
    low = low._replace(averages=0.7 * low.averages)
    _, first = search_rounds(data, low, 4, most=1)
    _, last = search_rounds(data, low, 4, most=3)
    assert last.log_likelihood > first.log_likelihood


def test_best_poses_are_the_likeliest_each_once():
    logs = np.array([[[3.0, -np.inf, 1.0, 2.0]]])
    shift = np.arange(12.0).reshape(1, 1, 4, 3)
    rotation = np.arange(36.0).reshape(1, 1, 4, 3, 3)
    rest = np.zeros((1, 1, 4, 6, 6)), logs, logs
    near = Near(Poses(rotation, shift, logs, *rest), logs, np.exp(logs), 0.0)
    turns, shifts = best(near, 3)
    np.testing.assert_array_equal(shifts[0, 0], shift[0, 0, [0, 3, 2]])
    np.testing.assert_array_equal(turns[0, 0], rotation[0, 0, [0, 3, 2]])
