"""Tests of `avae_jax.alignment.pose_table`."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.alignment import pose_table
from avae_jax.transform.frame import frame

pytestmark = pytest.mark.standard


def test_columns_quaternion_turns_points_xyz():
    """Quaternions turn points written x y z."""
    poses = Rotation.random(5, rng=np.random.default_rng(0)).as_matrix()
    matrices = np.tile(np.eye(4), (5, 1, 1))
    matrices[:, :3, :3] = poses
    found = pose_table.columns(np.linalg.inv(matrices), frame((9, 9, 9)), ("rotation",))
    point = np.array([0.3, -0.2, 0.5])
    for prefix, where in (("", matrices), ("align_", np.linalg.inv(matrices))):
        each = np.stack([found[f"{prefix}quaternion_{name}"] for name in "xyzw"], axis=1)
        # Arrays have their axes in the order z, y, x.
        gone = (where[:, :3, :3] @ point[::-1])[:, ::-1]
        np.testing.assert_allclose(Rotation.from_quat(each).apply(point), gone, atol=1e-5)
