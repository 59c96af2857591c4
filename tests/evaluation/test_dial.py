"""Dials: their stops are poses on both sides of the found one, in the units people read."""

import jax
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.config.options import RangeOptions
from avae_jax.evaluation import dial as turning
from avae_jax.transform import family, frame
from avae_jax.transform.describe import table
from avae_jax.transform.families import retract


def found_poses(group, count=3):
    alpha = np.random.default_rng(0).normal(0, 0.6, (count, group.size)).astype(np.float32)
    still = np.eye(group.d + 1, dtype=np.float32)
    return np.asarray(jax.jit(jax.vmap(lambda one: retract(group, still, one)))(alpha))


def dial_poses(name, d=2, ranges=RangeOptions(), upright=None):
    group = family(name, d)
    poses, upright = found_poses(group), np.eye(d + 1) if upright is None else upright
    dial = turning.dial_of(group, ranges)
    own = turning.values_of(dial, poses, frame((8,) * d))
    return dial, poses, *turning.dial_poses(dial, poses, own, group=group, upright=upright)


@pytest.mark.standard
@pytest.mark.parametrize("name", ["rotation", "rigid", "affine"])
def test_stops_turn_images_by_the_angle_shown(name):
    """Images turn by the angle on the dial."""
    dial, found, values, poses = dial_poses(name)
    assert (dial.kind, dial.unit, dial.relative, dial.whole) == ("rotation", "deg", False, True)
    assert values.shape == (3, 37) and (np.diff(values) >= 0).all() and (values == 0).any(1).all()
    for own, row, stop in zip(found, values, poses, strict=True):
        angle = table(stop, frame((8, 8)), ("rotation",))["rotation_deg"]
        apart = (angle - row + 180) % 360 - 180
        np.testing.assert_allclose(apart, 0, atol=0.05)
        # The found pose is a stop, whatever else it does than turn.
        assert np.abs(stop - own).max((1, 2)).min() < 1e-5
        np.testing.assert_allclose(np.linalg.det(stop), np.linalg.det(own), rtol=1e-4)


def test_stops_of_part_of_a_turn_have_ends():
    """A range that is no whole turn has ends."""
    dial, _, values, _ = dial_poses("rotation", ranges=RangeOptions(rotation=40.0))
    assert not dial.whole
    assert {-40.0, 0.0, 40.0} <= set(values[0].tolist())


def test_stops_of_volumes_turn_about_upright():
    """Volumes turn about what is upright from the found pose."""
    upright = np.eye(4)
    upright[:3, :3] = Rotation.from_rotvec([0.4, -0.9, 0.2]).as_matrix()
    dial, found, values, poses = dial_poses("rotation", 3, upright=upright)
    assert dial.relative and dial.whole and values.shape == (3, 24)
    own = np.flatnonzero(values[0] == 0)[0]
    np.testing.assert_allclose(poses[:, own], found, atol=1e-5)
    # As the page shows it, a quarter turn is that of the first two axes; the last one stays.
    quarter = np.flatnonzero(values[0] == 90)[0]
    shown = upright @ poses[:, quarter] @ np.linalg.inv(upright @ found)
    expected = np.eye(4)
    expected[:2, :2] = [[0, -1], [1, 0]]
    np.testing.assert_allclose(shown, np.broadcast_to(expected, shown.shape), atol=1e-5)


def test_stops_shifts_are_shares_of_the_longest_side():
    dial, found, values, poses = dial_poses("translation")
    assert (dial.kind, dial.unit, dial.axes) == ("shift", "%", (1,))
    np.testing.assert_allclose(poses[..., 1, 2] / 2, values / 100, atol=1e-6)
    other = np.broadcast_to(found[:, None, 0, 2], poses.shape[:2])
    np.testing.assert_allclose(poses[..., 0, 2], other, atol=1e-6)
    assert values.min() <= -20 and values.max() >= 20


@pytest.mark.parametrize("name", ["scale", "shear_yx+scale_x"])
def test_stops_move_along_the_first_generator(name):
    """Other families move along their first generator."""
    dial, found, values, poses = dial_poses(name)
    assert dial.kind == family(name, 2).generators[0] and dial.relative and not dial.whole
    own = np.flatnonzero(values[0] == 0)[0]
    np.testing.assert_allclose(poses[:, own], found, atol=1e-6)
    assert np.abs(poses[:, 0] - found).max() > 0.1


def test_upright_pose_undoes_the_mean():
    """Upright undoes the mean of what was found."""
    group, tilt = family("rotation", 3), np.eye(4)
    tilt[:3, :3] = Rotation.from_rotvec([1.0, 0.3, -0.5]).as_matrix()
    applied = found_poses(group)
    found = tilt @ np.linalg.inv(applied)
    upright = turning.display_rotation(group, found, applied, one_pose=True)
    np.testing.assert_allclose(upright @ tilt, np.eye(4), atol=1e-5)
    flat = family("rotation", 2)
    np.testing.assert_array_equal(
        turning.display_rotation(flat, found, applied, one_pose=True), np.eye(3)
    )
    own = turning.display_rotation(group, found, applied, one_pose=False)
    np.testing.assert_array_equal(own, np.eye(4))
