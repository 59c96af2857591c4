"""Meshes aligned as meshes, by a model that draws the volume of one of them."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from avae_jax.alignment.align import align_by
from avae_jax.config.modes import Request
from avae_jax.config.options import SearchOptions
from avae_jax.data.formats import open_stack
from avae_jax.inference.search import resolve
from avae_jax.inference.trained import Trained
from tests.support.alignment_cases import numbers_of, options
from tests.support.mesh_samples import KINDS, saved, thing, turned
from tests.support.single_object import drawing

pytestmark = pytest.mark.standard

SIDE = 16
ANGLES = [0, 100, -55, 20]


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    """Four meshes of one thing, turned about z, aligned with reconstructions."""
    folder = tmp_path_factory.mktemp("meshes")
    for name, angle in zip(KINDS, ANGLES, strict=True):
        spin = Rotation.from_rotvec([0, 0, angle], degrees=True).as_matrix()
        saved(folder / "in" / name, turned(thing(), spin, (angle, 7, 0)))
    saved(folder / "upright" / "x.off", thing())
    with open_stack(f"{folder / 'upright'}:{SIDE}") as stack:
        image = stack.raw(0, 1)[0] / np.float32(255)
    avae, params = drawing(image, "rotation_yx")
    search = resolve(SearchOptions(kind="even", starts=24, keep=2), avae.group)
    trained = Trained(params, avae, search, None, np.zeros((4, 2), np.float32))
    request = Request(f"{folder / 'in'}:{SIDE}", folder / "out", reconstructions=True)
    align_by(trained, options(), request)
    return folder


@pytest.mark.full
def test_align_meshes_stand_as_in_the_model(aligned):
    """The meshes stand as the model has them."""
    wanted = np.asarray(thing().triangles)
    wanted = wanted - thing().centroid
    for name in KINDS:
        made = trimesh.load_mesh(aligned / "out" / "in" / name, process=False)
        gone = np.linalg.norm(made.triangles - made.centroid - wanted, axis=-1)
        # Three degrees at the end of the longest half, in units of the mesh.
        assert gone.max() < 0.15, name
        assert made.volume == pytest.approx(thing().volume, rel=1e-4)


@pytest.mark.full
def test_align_meshes_table_says_how_they_stood(aligned):
    order = np.argsort(KINDS)
    # From y towards x is against the direction of x, y, z.
    found = numbers_of(aligned / "out", "quaternion_z")
    wanted = np.sin(np.radians(np.array(ANGLES)[order]) / 2)
    np.testing.assert_allclose(found, wanted, atol=0.03)
    drawn = np.load(aligned / "out" / "reconstructions" / "in.npy")
    assert drawn.shape == (4, SIDE, SIDE, SIDE) and drawn.dtype == np.uint8
    assert (aligned / "out" / "sheet.png").exists()
    assert not (aligned / "out" / "poses.star").exists()
