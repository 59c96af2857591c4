"""Tests of `avae_jax.report.volume`."""

import numpy as np

from avae_jax.report import volume


def test_view_axes_upright_and_not_mirrored():
    down, right, away = volume.view_axes()
    np.testing.assert_allclose(
        np.stack([down, right, away]) @ volume.view_axes().T, np.eye(3), atol=1e-12
    )
    np.testing.assert_allclose(np.cross(right, down), away, atol=1e-12)
    assert down[2] < -0.8 and abs(right[2]) < 1e-12 and away[1] > 0.7


def test_render_shows_matter_where_it_is():
    blob = np.zeros((12, 12, 12, 1))
    blob[4:8, 4:8, 9:12] = 1.0
    seen = volume.render(blob, radius=9.0, size=32)[..., 3] > 0
    assert seen[:14].any() and not seen[18:].any()
    columns = np.flatnonzero(seen.any(axis=0))
    assert abs(columns.mean() - 15.5) < 1.5


def test_render_near_hides_far_matter():
    offset = np.indices((16, 16, 16)).T - [7.5, 3.5, 7.5]
    ball, wall = np.zeros((2, 16, 16, 16, 1))
    ball[..., 0] = np.linalg.norm(offset, axis=-1).T < 3.5
    wall[:, 13:15] = 1.0
    ball_alone, wall_alone, both = (
        volume.render(x, radius=12.0, size=48).astype(int) for x in (ball, wall, ball + wall)
    )
    overlap = (ball_alone[..., 3] == 255) & (wall_alone[..., 3] == 255)
    assert overlap.sum() > 50
    to_ball, to_wall = (np.abs(both - x)[overlap].mean() for x in (ball_alone, wall_alone))
    assert to_ball < 0.3 * to_wall
