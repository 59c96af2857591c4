"""How sure an alignment of volumes is of its rotations, by poses that are known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.inference.averaging.volumes.local import Poses
from avae_jax.inference.averaging.volumes.near import Near
from avae_jax.inference.averaging.volumes.result import doubt


def near(degrees, weight, deviation):
    """One volume with poses turned about an axis by `degrees`, of one deviation (radians)."""
    turns = np.radians(degrees)[:, None] * np.array([[0.6, 0.0, 0.8]])
    rotation = Rotation.from_rotvec(turns).as_matrix()[None, None]
    spread = np.tile(np.eye(6) * deviation**2, (1, 1, len(degrees), 1, 1))
    weight = np.array(weight)[None, None]
    logs, still = np.log(weight), np.zeros((1, 1, len(degrees), 3))
    poses = Poses(rotation, still, logs, spread, logs, logs)
    return Near(poses, logs, weight, 0.0)


def test_poses_that_are_far_count():
    found = doubt(near([30.0, 40.0, 70.0], [0.6, 0.1, 0.3], 1e-3))
    assert found.elsewhere == pytest.approx([0.3], abs=1e-6)
    assert found.gap == pytest.approx([np.log(2)])


def test_a_pose_that_is_hardly_known_is_elsewhere_in_part():
    alone = doubt(near([30.0], [1.0], np.radians(15.0)))
    # Beyond one standard deviation of a bell in three dimensions.
    assert alone.elsewhere == pytest.approx([0.8013], abs=1e-3)
    assert alone.gap == pytest.approx([np.inf])
