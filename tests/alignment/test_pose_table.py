"""Tests of `avae_jax.alignment.pose_table`."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.alignment import pose_table
from avae_jax.transform import family
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


@pytest.mark.quick
@pytest.mark.parametrize(
    ("shape", "kinds", "names"),
    [
        ((9, 9), ("rotation",), ["rotation_deg"]),
        ((9, 9, 9), ("shift",), ["shift_z_px", "shift_y_px", "shift_x_px"]),
    ],
)
def test_columns_without_quaternions(shape, kinds, names):
    """Planes turn by one angle, and what does not turn by none."""
    poses = np.eye(len(shape) + 1)[None]
    found = pose_table.columns(poses, frame(shape), kinds)
    assert list(found) == [*names, *(f"align_{name}" for name in names)]


@pytest.mark.quick
def test_write_has_one_header_and_a_line_an_example(tmp_path):
    """Numbers have seven digits, none has a minus before zero, unknown ones are empty."""
    first = {"index": [0, 1], "doubtful": [True, np.False_], "gap": np.array([np.nan, -0.0])}
    second = {"index": np.arange(2, 3), "doubtful": [False], "gap": np.float64([1 / 3])}
    pose_table.write(tmp_path / "poses.csv", [first, second])
    lines = (tmp_path / "poses.csv").read_text().splitlines()
    assert lines == ["index,doubtful,gap", "0,true,", "1,false,0", "2,false,0.3333333"]


@pytest.mark.quick
def test_write_leaves_out_no_rows_of_columns_that_differ_in_length(tmp_path):
    with pytest.raises(ValueError, match="longer"):
        pose_table.write(tmp_path / "poses.csv", [{"index": [0], "gap": [1.0, 2.0]}])


@pytest.mark.quick
def test_kinds_of_a_family_and_of_what_moves_beside_it():
    group = family("rotation", 2)
    assert pose_table.kinds_of(group, reflect=False, off_centre=False) == ("rotation",)
    assert pose_table.kinds_of(group, reflect=True, off_centre=False) == ("rotation", "scale")
    assert pose_table.kinds_of(group, reflect=False, off_centre=True) == ("rotation", "shift")
