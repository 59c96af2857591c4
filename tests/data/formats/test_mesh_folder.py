"""Meshes as volumes, and moved as meshes, on files that the formats' library wrote."""

import sys

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack, voxels
from avae_jax.data.sources.registry import open_source
from avae_jax.transform.frame import frame
from avae_jax.transform.warp import warp
from tests.support.mesh_samples import KINDS, saved, thing, turned, volumes


def test_mesh_formats_give_the_same_volume_in_any_unit(tmp_path):
    """All formats give the same volume whatever the unit."""
    wanted = volumes(saved(tmp_path / "x.off", thing()), ":24")
    assert wanted.shape == (1, 24, 24, 24, 1)
    for name in KINDS[1:]:
        np.testing.assert_array_equal(volumes(saved(tmp_path / name, thing()), ":24"), wanted)
    inches = thing().apply_scale(25.4)
    made = volumes(saved(tmp_path / "inches.off", inches), ":24")
    assert (made != wanted).mean() < 0.01


@pytest.mark.standard
@pytest.mark.parametrize("name", KINDS)
def test_mesh_moves_as_its_volume(name, tmp_path):
    """A pose moves the mesh as it moves the volume."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec([0.3, -0.9, 0.5]).as_matrix()
    folder, made = tmp_path / "in", tmp_path / "made"
    saved(folder / name, thing())
    with open_stack(str(folder)) as stack:
        before = stack.raw(0, 1)[0] / np.float32(255)
        stack.move(made, iter([pose]))
    after = volumes(made)[0] / np.float32(255)
    grid = frame((32, 32, 32))
    wanted = warp(before, np.float32(pose), np.zeros(1, np.float32), source=grid, target=grid)
    assert np.abs(after - np.asarray(wanted)).mean() < 0.01
    assert np.abs(after - before).mean() > 0.05
    back = trimesh.load_mesh(made / name, process=False)
    original = trimesh.load_mesh(folder / name, process=False)
    # A point (x, y, z) of the mesh is one of the array in the order z, y, x.
    place = voxels.place(np.asarray(original.triangles), side=32, name="it")
    linear = pose[:3, :3][::-1, ::-1]
    moved = (original.triangles - place.centre) @ linear.T + place.centre
    np.testing.assert_allclose(back.triangles, moved, atol=1e-4)
    assert back.volume == pytest.approx(original.volume, rel=1e-4)
    np.testing.assert_allclose(back.face_normals, original.face_normals @ linear.T, atol=1e-4)


def test_mesh_shifts_and_scales_in_its_own_units(tmp_path):
    saved(
        tmp_path / "in" / "x.off", trimesh.creation.icosphere(radius=14).apply_translation([5] * 3)
    )
    pose = np.diag([1.0, 1, 2, 1])
    pose[:3, 3] = 0, 0.5, 0  # a quarter of the longest side, along y
    with open_stack(f"{tmp_path / 'in'}:30") as stack:
        stack.move(tmp_path / "made", [pose])
    made = trimesh.load_mesh(tmp_path / "made" / "x.off")
    np.testing.assert_allclose(made.extents, [56, 28, 28], atol=0.1)
    # 28 is the side less a margin of a voxel at both ends.
    np.testing.assert_allclose(made.bounds.mean(0), [5, 12.5, 5], atol=0.1)


def test_mesh_folder_is_a_source_of_data(tmp_path):
    """A folder of meshes is a source of data."""
    for number, name in enumerate(("b/x.off", "a.obj", "c.stl")):
        saved(tmp_path / "in" / name, turned(thing(), np.eye(3), [number] * 3))
    source = open_source(f"stack:{tmp_path / 'in'}:16")
    examples, labels = source.train.read(np.array([2, 0, 1]))
    assert examples.shape == (3, 16, 16, 16, 1) and labels is None
    with open_stack(str(tmp_path / "in")) as stack:
        assert [stack.key(i) for i in range(3)] == ["a.obj", "b/x.off", "c.stl"]
    # Each is centred, so that where it was does not matter.
    np.testing.assert_array_equal(examples[0], examples[1])


def refused(path, suffix=""):
    with pytest.raises(InputError) as caught:
        volumes(path, suffix)
    return str(caught.value)


def test_mesh_odd_files_refused(tmp_path):
    """Odd meshes are refused in one sentence."""

    def text(name, content):
        (tmp_path / name).write_text(content)
        return tmp_path / name

    assert "no faces" in refused(text("a.off", "OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n"))
    assert "OFF mesh" in refused(text("b.off", "OFF\n0 0 0\n"))
    triangle = "OFF\n3 1 0\n0 0 0\n1 0 0\n{}\n3 0 1 2\n"
    assert "NaN or infinite" in refused(text("c.off", triangle.format("nan 1 0")))
    assert "without area" in refused(text("d.off", triangle.format("2 0 0")))
    point = "v 1 1 1\n" * 3 + "f 1 2 3\n"
    assert "extends over 0" in refused(text("e.obj", point))
    wide = "v 1.7e308 0 0\nv -1.7e308 1 0\nv 0 -1.7e308 1.7e308\nf 1 2 3\n"
    assert "extends over" in refused(text("f.obj", wide))
    assert "OFF mesh" in refused(text("g.off", "OFF\n999999999999 1 0\n0 0 0\n3 0 1 2\n"))
    assert "OFF or COFF" in refused(text("h.off", "NOFF\n1 1 0\n0 0 0 1 0 0\n3 0 0 0\n"))
    corners = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
    assert "negative vertex indices" in refused(text("i.obj", corners + "f -1 -2 -3\n"))
    assert "OBJ mesh" in refused(text("j.obj", corners + "f 1 2 9\n"))
    assert "no vertices" in refused(text("k.stl", "solid x\nendsolid x\n"))
    assert "STL mesh" in refused(text("l.stl", "x" * 200))
    assert "OBJ mesh" in refused(text("m.obj", ""))
    sheets = np.tile([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]], (2000, 1, 1)).reshape(-1, 3)
    many = trimesh.Trimesh(sheets, np.arange(len(sheets)).reshape(-1, 3), process=False)
    assert "a surface of" in refused(saved(tmp_path / "n.stl", many), ":256")


def test_mesh_numbers_of_voxels_and_mixed_folders(tmp_path):
    saved(tmp_path / "in" / "x.off", thing())
    for odd in ("7", "257", "a", "1e2", "-8", "8" * 9):
        assert "8 to 256" in refused(tmp_path / "in", f":{odd}")
    (tmp_path / "in" / "x.png").write_bytes(b"")
    assert "1 images, 0 volumes and 1 meshes" in refused(tmp_path / "in")


def test_mesh_missing_library_says_how_to_install(tmp_path, monkeypatch):
    """Without the library the line that installs it is said."""
    saved(tmp_path / "x.off", thing())
    monkeypatch.setitem(sys.modules, "trimesh", None)
    assert 'pip install "avae_jax[mesh]" (or pip install trimesh)' in refused(tmp_path / "x.off")
