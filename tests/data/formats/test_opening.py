"""Formats of stacks, both ways, on files that the formats' own libraries wrote."""

import gzip

import numpy as np

from tests.support.stack_samples import numbers, refused


def test_open_stack_refuses_in_one_sentence(tmp_path):
    """What is no stack is refused in one sentence."""
    assert "no such file" in refused(tmp_path / "no.npy")
    (tmp_path / "x.txt").write_text("hello")
    assert "none of the known formats" in refused(tmp_path / "x.txt")
    (tmp_path / "empty").mkdir()
    assert "0 images, 0 volumes and 0 meshes" in refused(tmp_path / "empty")
    np.save(tmp_path / "flat.npy", np.zeros((9, 7)))
    assert "shape (9, 7)" in refused(tmp_path / "flat.npy")
    np.save(tmp_path / "thin.npy", np.zeros((9, 7, 3, 1)))
    assert "sides of at least 4" in refused(tmp_path / "thin.npy")
    np.save(tmp_path / "none.npy", np.zeros((0, 7, 7)))
    assert "no examples" in refused(tmp_path / "none.npy")
    np.save(tmp_path / "text.npy", np.full((3, 7, 7), "a"))
    assert "dtype" in refused(tmp_path / "text.npy")
    assert "is no HDF5 file" in refused(f"{tmp_path / 'flat.npy'}:a")


def test_open_stack_file_cut_short_refused(tmp_path):
    np.save(tmp_path / "x.npy", numbers((9, 7), "f4"))
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-1])
    assert "ends within its 5 examples" in refused(tmp_path / "x.npy")
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"\0\0\x08\x03" + bytes(12) + bytes(9))[:-9])
    assert "x.gz" in refused(tmp_path / "x.gz")
