"""Tests of `avae_jax.data.formats.mesh_files`."""

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats import mesh_files
from tests.support.mesh_samples import saved, thing, volumes


def test_write_moved_keeps_what_else_is_in_a_file(tmp_path):
    """What else is in a file stays."""
    text = b"# mine\r\nmtllib x.mtl\r\no part\r\nv 0 0 0 0.5 0.5 0.5\r\nv 3 0 0\r\nv 3 4 0\r\n"
    text += b"v 0 4 1\r\nvn 0 0 1\r\nvt 0.1 0.2\r\nusemtl red\r\nf 1/1/1 2/1/1 3/1/1 4/1/1\r\n"
    (tmp_path / "x.obj").write_bytes(text)
    linear = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    mesh_files.write_moved(tmp_path / "x.obj", tmp_path / "y.obj", linear, np.array([1.0, 0, 0]))
    made = (tmp_path / "y.obj").read_bytes()
    wanted = text.replace(b"v 0 0 0", b"v 1 0 0").replace(b"v 3 0 0", b"v 1 3 0")
    wanted = wanted.replace(b"v 3 4 0", b"v -3 3 0").replace(b"v 0 4 1", b"v -3 0 1")
    assert made == wanted
    text = b"OFF3 1 0 # ModelNet has heads like this\n0 0 0\n\n1 0 0 # a corner\n0 1 0\n"
    text += b"3 0 1 2 255 0 0\n"
    (tmp_path / "x.off").write_bytes(text)
    mesh_files.write_moved(tmp_path / "x.off", tmp_path / "y.off", 2 * np.eye(3), np.zeros(3))
    wanted = text.replace(b"\n1 0 0", b"\n2 0 0").replace(b"\n0 1 0", b"\n0 2 0")
    assert (tmp_path / "y.off").read_bytes() == wanted
    packed = saved(tmp_path / "x.stl", thing()).read_bytes()
    packed = b"by our own".ljust(80) + packed[80:132] + b"\x07\x01" + packed[134:]
    (tmp_path / "x.stl").write_bytes(packed)
    mesh_files.write_moved(tmp_path / "x.stl", tmp_path / "y.stl", np.eye(3), np.zeros(3))
    assert (tmp_path / "y.stl").read_bytes() == packed


def refused(path, suffix=""):
    with pytest.raises(InputError) as caught:
        volumes(path, suffix)
    return str(caught.value)


def test_mesh_large_file_not_read(tmp_path):
    with (tmp_path / "x.stl").open("wb") as file:
        file.truncate(mesh_files.MOST_BYTES + 1)
    assert "a mesh of at most" in refused(tmp_path / "x.stl")
