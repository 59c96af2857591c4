"""Volumes turned by a quarter: what was searched, and how far it is from what is wanted."""

import types

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.inference.averaging.volumes import consistency
from avae_jax.inference.averaging.volumes.level import Level, Volumes

COUNT = 6


def near(rotations):
    """Poses towards two classes, two each; the second pose of the second class is the best."""
    others = Rotation.random(COUNT * 4, random_state=2).as_matrix().reshape(COUNT, 2, 2, 3, 3)
    others[:, 1, 1] = rotations
    logs = np.tile(np.log([[0.1, 0.2], [0.3, 0.4]]), (COUNT, 1, 1))
    return types.SimpleNamespace(
        poses=types.SimpleNamespace(rotation=others), logs=logs, weight=np.exp(logs)
    )


def measured(monkeypatch, off):
    """What is found where the search ends `off` degrees from a quarter on, and what it saw."""
    before = Rotation.random(COUNT, random_state=1).as_matrix()
    seen = []

    def searched(search, data, model):
        seen.append(data.volumes)
        axis = np.array([1.0, 2.0, -2.0]) / 3
        return near(Rotation.from_rotvec(np.radians(off)[:, None] * axis).as_matrix() @ turned)

    # As the data themselves are turned: the first two axes.
    turned = Rotation.from_euler("z", 90, degrees=True).as_matrix() @ before
    monkeypatch.setattr(consistency, "searched_near", searched)
    draws = np.random.default_rng(0).normal(size=(COUNT, 8, 8, 8)).astype(np.float32)
    volumes = Volumes(draws, np.ones_like(draws), np.arange(COUNT * 3.0).reshape(COUNT, 3))
    found = consistency.quarter_turns(volumes, near(before), None, Level(8, 2), factor=2)
    return found, volumes, seen[0]


def test_differences_from_a_quarter_turn_are_told(monkeypatch):
    """The median of what is off, and the share of more than twenty degrees."""
    found, *_ = measured(monkeypatch, np.array([0.0, 1.0, 2.0, 4.0, 19.0, 21.0]))
    assert found.examples == COUNT and found.median_deg == pytest.approx(3)
    assert found.jumps == pytest.approx(1 / 6)


def test_volumes_and_their_centres_are_turned(monkeypatch):
    """No voxel is interpolated, and the centre turns with its volume."""
    _, volumes, seen = measured(monkeypatch, np.zeros(COUNT))
    np.testing.assert_array_equal(seen.values, np.rot90(volumes.values, axes=(1, 2)))
    np.testing.assert_allclose(seen.centres[1], [-4, 3, 5])
