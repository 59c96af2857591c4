"""Tests of `avae_jax.data.formats.voxels`."""

import numpy as np
import pytest
import trimesh

from avae_jax.data.formats import voxels
from tests.support.mesh_samples import KINDS, saved, volumes


@pytest.mark.parametrize("name", KINDS)
def test_voxels_of_a_mesh_are_its_inside(name, tmp_path):
    """A mesh is read as a volume of its inside."""
    path = saved(tmp_path / name, trimesh.creation.icosphere(subdivisions=3, radius=7))
    volume = volumes(path)
    assert volume.shape == (1, 32, 32, 32, 1) and volume.dtype == np.uint8
    share, radius = volume[0, ..., 0] / 255, 16 - voxels.MARGIN
    # The surface itself counts as inside, so that a little is added.
    assert share.sum() == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.08)
    centre = np.indices(share.shape).reshape(3, -1) @ share.ravel() / share.sum()
    np.testing.assert_allclose(centre, 15.5, atol=0.1)
    assert share[15, 15, 15] == 1 and share[0].max() == 0
    np.testing.assert_array_equal(volume, volumes(path))


def test_voxels_of_holes_and_thin_sheets(tmp_path):
    """Holes leave the surface and thin sheets are seen."""
    box = trimesh.creation.box((1, 1, 1))
    box.update_faces(np.arange(len(box.faces)) > 1)
    saved(tmp_path / "x.off", box)
    share = volumes(tmp_path / "x.off")[0, ..., 0] / 255
    assert share[16, 16, 16] == 0 and 0.3 < share.max() <= 1 and (share > 0).mean() > 0.03
