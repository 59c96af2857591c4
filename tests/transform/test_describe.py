"""Tests of `avae_jax.transform.describe`."""

import functools

import jax
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.transform import describe, family, frame
from avae_jax.transform.matrices import affine, plane_rotation


@functools.partial(jax.jit, static_argnums=2)
def turned_and_moved(radians, shift, d):
    return affine(plane_rotation(radians, (d - 2, d - 1), d), shift)


def pose(degrees, d=2, shift=None):
    shift = np.zeros(d, np.float32) if shift is None else np.float32(shift)
    return np.asarray(turned_and_moved(np.radians(np.float32(degrees)), shift, d))


@pytest.mark.parametrize("degrees", [-170.0, -37.0, 0.0, 90.0])
def test_parameters_rotation_in_degrees(degrees):
    found = describe.parameters(pose(degrees), family("rotation", 2), frame((9, 9)))
    assert found == {"rotation_deg": pytest.approx(degrees, abs=1e-4)}


def test_table_shifts_in_pixels():
    found = describe.table(pose(0, shift=(0.5, -0.25))[None], frame((8, 16)), ("shift",))
    assert {name: column[0] for name, column in found.items()} == {
        "shift_y_px": pytest.approx(4),
        "shift_x_px": pytest.approx(-2),
    }


def test_quaternions_turn_points_xyz():
    found = describe.quaternions(pose(60, d=3)[None])
    quaternion = [found[f"quaternion_{name}"][0] for name in "xyzw"]
    assert quaternion[3] >= 0
    # From y to x, the last axes of an array, which is negative about z for points x, y, z.
    point = Rotation.from_quat(quaternion).apply([0.0, 1.0, 0.0])
    moved = pose(60, d=3)[:3, :3] @ np.array([0.0, 1.0, 0.0])
    np.testing.assert_allclose(point, moved[::-1], atol=1e-5)


def test_sentence_is_short():
    found = describe.sentence(pose(-37, shift=(0.1, 0.2)), family("rigid", 2), frame((20, 20)))
    assert found.startswith("-37 deg, shift ") and found.endswith(" px")
