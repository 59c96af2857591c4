"""Pose errors where a model chose its own canonical pose: E = found . applied."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.evaluation.pose_metrics import (
    label_means,
    mean_pose,
    orthogonal_part,
    plane_angle,
    pose_errors,
    quarter_turn,
    resultant_length,
    resultant_parts,
)


def plane(degrees) -> np.ndarray:
    """2-D poses `[n, 3, 3]`, from the first axis towards the second."""
    radians = np.radians(np.atleast_1d(degrees))
    poses = np.tile(np.eye(3), (len(radians), 1, 1))
    poses[:, 0, 0] = poses[:, 1, 1] = np.cos(radians)
    poses[:, 1, 0], poses[:, 0, 1] = np.sin(radians), -np.sin(radians)
    return poses


def space(count: int, seed: int = 0) -> np.ndarray:
    """3-D poses `[n, 4, 4]` with rotations uniform on SO(3)."""
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, :3] = Rotation.random(count, rng=np.random.default_rng(seed)).as_matrix()
    return poses


def mirrored(poses: np.ndarray) -> np.ndarray:
    flip = np.eye(poses.shape[-1])
    flip[-2, -2] = -1
    return poses @ flip


def general(d: int, count: int) -> np.ndarray:
    """Affine poses near each other, shifts, stretches and all."""
    random = np.random.default_rng(d)
    poses = np.tile(np.eye(d + 1), (count, 1, 1))
    poses[:, :d, :d] = orthogonal_part(random.normal(size=(d, d)))
    poses[:, :d] += random.normal(0, 0.1, (count, d, d + 1))
    return poses


@pytest.mark.parametrize("d", [2, 3])
def test_orthogonal_part_keeps_mirror_images(d):
    rotation = (plane(37) if d == 2 else space(1))[0, :d, :d]
    for turned in (rotation, mirrored(rotation[None].repeat(2, 0))[0]):
        stretched = turned @ np.diag([3, 0.5, 2][:d])
        np.testing.assert_allclose(orthogonal_part(stretched), turned, atol=1e-12)


@pytest.mark.parametrize("d", [2, 3])
def test_mean_pose_of_one_pose(d):
    """The mean of one pose is that pose."""
    pose = general(d, 1)[0]
    for each in (pose, mirrored(pose[None])[0]):
        np.testing.assert_allclose(mean_pose(np.stack([each] * 3)), each, atol=1e-12)


def test_mean_pose_across_the_cut():
    """The mean of rotations lies between them across the cut."""
    np.testing.assert_allclose(mean_pose(plane([170, -170])), plane(180)[0], atol=1e-12)
    np.testing.assert_allclose(mean_pose(plane([10, 20, 60])), plane(29.5)[0], atol=1e-2)
    about = space(1)
    apart = about @ np.stack([plane_in_space(a) for a in (-20, 20)])
    np.testing.assert_allclose(mean_pose(apart), about[0], atol=1e-12)


def plane_in_space(degrees: float) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    return pose


def test_mean_pose_shift_and_scale_entry_by_entry():
    """The mean of shifts and scales is taken entry by entry."""
    poses = np.stack([np.diag([1.0, 2, 1]), np.diag([3.0, 2, 1])])
    poses[:, 0, 2] = [0.2, 0.4]
    expected = np.diag([2.0, 2, 1])
    expected[0, 2] = 0.3
    np.testing.assert_allclose(mean_pose(poses), expected, atol=1e-12)


@pytest.mark.parametrize("d", [2, 3])
def test_label_means_leave_out_the_example_itself(d):
    """An example never takes part in its own mean."""
    poses = general(d, 23)
    labels = np.random.default_rng(0).integers(0, 4, 23)
    labels[5] = 9  # alone
    means = label_means(poses, labels)
    for i in range(23):
        changed = poses.copy()
        changed[i] = mirrored(poses[[i]])[0] @ np.diag([2.0] * d + [1])
        moved = np.abs(label_means(changed, labels) - means).max((1, 2)) > 1e-9
        assert not moved[i]
        # It does take part in those of others of its label, and of the one that is alone.
        assert set(labels[moved]) <= {labels[i], 9}
        assert moved.any() == (i != 5)


def test_label_means_come_from_the_label():
    """The mean of a label comes from that label."""
    poses = plane([10, 10, 10, 10, 100, 100, 100])
    means = label_means(poses, np.array([0, 0, 0, 0, 1, 1, 1]))
    np.testing.assert_allclose(means, poses, atol=1e-12)
    # With one example, from all others; with nothing else, from itself.
    alone = label_means(poses[3:5], np.array([0, 1]))
    np.testing.assert_allclose(alone, poses[3:5][::-1], atol=1e-12)
    np.testing.assert_allclose(label_means(poses[:1], np.array([7])), poses[:1], atol=1e-12)


@pytest.mark.parametrize("make", [lambda n: plane(np.linspace(0, 300, n)), space])
def test_pose_errors_vanish_for_one_pose_a_label(make):
    """Also if the canonical poses are mirror images."""
    labels = np.arange(30) % 3
    poses = make(3)[labels]
    poses[labels == 1] = mirrored(poses[labels == 1])
    poses[:, 0, -1] = 0.1 * labels
    errors = pose_errors(poses, label_means(poses, labels))
    np.testing.assert_allclose(errors.degrees, np.zeros(30), atol=1e-4)
    np.testing.assert_allclose(errors.shift, np.zeros(30), atol=1e-12)


def test_pose_errors_in_degrees_and_shares_of_the_longest_side():
    """Errors are angles and shares of the longest side."""
    poses, means = plane([10, 170, 180]), plane([0, -170, 0])
    poses[0, :2, 2] = [0.3, 0.4]
    errors = pose_errors(poses, means)
    np.testing.assert_allclose(errors.degrees, [10, 20, 180], atol=1e-4)
    np.testing.assert_allclose(errors.shift, [0.25, 0, 0], atol=1e-12)
    turned = pose_errors(plane_in_space(33)[None] @ space(1), space(1))
    np.testing.assert_allclose(turned.degrees, [33], atol=1e-6)


def test_pose_errors_ignore_stretching():
    """Stretching is no turning."""
    poses = plane([30]) @ np.diag([2.0, 2, 1])
    np.testing.assert_allclose(pose_errors(poses, plane([30])).degrees, [0], atol=1e-6)


@pytest.mark.parametrize("mirror", [False, True])
def test_resultant_length_one_for_one_pose_zero_for_all(mirror):
    """The resultant length is one for one pose and nothing for all."""
    labels = np.zeros(720, int)
    for one, every in ((plane(50), plane(np.arange(720) / 2)), (space(1), space(720))):
        if mirror:
            one, every = mirrored(one), mirrored(every)
        assert resultant_length(np.repeat(one, 720, 0), labels) == pytest.approx(1)
        assert resultant_length(every, labels) < 0.06


def test_resultant_length_weights_labels_by_examples():
    """Half of the examples agree within their label, half are everywhere."""
    poses = np.concatenate([plane([70] * 360), plane(np.arange(360))])
    labels = np.repeat([3, 8], 360)
    assert resultant_length(poses, labels) == pytest.approx(0.5)
    few = np.concatenate([plane([70] * 120), plane(np.arange(360))])
    assert resultant_length(few, np.repeat([3, 8], [120, 360])) == pytest.approx(0.25)
    # Two poses at right angles in one label: |1 + i| / 2.
    assert resultant_length(plane([0, 90]), np.zeros(2)) == pytest.approx(np.sqrt(0.5))


def test_resultant_parts_are_the_cosines_with_the_mean_of_the_label():
    poses, labels = plane([0, 60, 10, 10]), np.array([0, 0, 1, 1])
    parts = resultant_parts(poses, labels)
    np.testing.assert_allclose(parts, [np.cos(np.pi / 6)] * 2 + [1, 1], atol=1e-6)
    assert parts.mean() == pytest.approx(resultant_length(poses, labels))


def test_plane_angle_signed_and_through_stretches():
    """Plane angles are read with their sign and through stretches."""
    angles = np.array([-179, -90, 0, 30, 90, 180.0])
    np.testing.assert_allclose(plane_angle(plane(angles)), angles, atol=1e-9)
    np.testing.assert_allclose(plane_angle(1.5 * mirrored(plane(angles))), angles, atol=1e-9)


def test_quarter_turn_one_or_nothing():
    """Quarter turns show as one and evenly spread angles as nothing."""
    assert quarter_turn(plane([45, 135, -45, -135])) == pytest.approx(1)
    assert quarter_turn(plane(np.arange(360))) == pytest.approx(0, abs=1e-9)
    # The phase does not matter, and 45 degrees apart cancel.
    assert quarter_turn(plane([20, 110])) == pytest.approx(1)
    assert quarter_turn(plane([20, 65])) == pytest.approx(0, abs=1e-9)
