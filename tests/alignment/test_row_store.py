"""Tests of `avae_jax.alignment.row_store`."""

import os

import numpy as np
import pytest

from avae_jax.alignment import row_store
from avae_jax.core.errors import InputError

pytestmark = pytest.mark.standard


def test_column_keeps_what_was_written(tmp_path):
    column = row_store.Column(tmp_path / "x.npy", (5, 2), ">i2")
    column.write(1, np.array([[1, 2], [3, 4]]))
    again = row_store.Column(tmp_path / "x.npy", (5, 2), ">i2")
    np.testing.assert_array_equal(again.read(0, 4), [[0, 0], [1, 2], [3, 4], [0, 0]])
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy")[2], [3, 4])


# Names that a file system takes and a page, a table or a terminal must not be led astray by.
NASTY = ["<script>alert(1)<", '"quo\'ted" & $x$', "line\nbreak\t\x1b[31m"]
NASTY.append(os.fsdecode(b"\xff\xfe"))


def test_column_garbled_refused(tmp_path):
    """Garbled rows are refused."""
    path = tmp_path / "x.npy"
    row_store.Column(path, (5, 2), ">i2")
    for damage in (path.read_bytes()[:-1], b"garbled", path.read_bytes()[:-20] + bytes(21)):
        path.write_bytes(damage)
        with pytest.raises(InputError, match="x.npy: "):
            row_store.Column(path, (5, 2), ">i2")


@pytest.mark.quick
@pytest.mark.parametrize("there", [True, False])
def test_column_behind_a_link_refused(tmp_path, there):
    """Rows of another place are not written, and none are made there."""
    other, link = tmp_path / "other.npy", tmp_path / "x.npy"
    if there:
        row_store.Column(other, (5, 2), ">i2")
    link.symlink_to(other)
    with pytest.raises(InputError, match="x.npy: a link"):
        row_store.Column(link, (5, 2), ">i2")
    assert link.is_symlink() and other.exists() == there


def test_memory_column_reads_what_was_written():
    column = row_store.MemoryColumn((5, 2), np.float32)
    column.write(1, np.ones((3, 2)))
    column.sync()
    np.testing.assert_array_equal(column.read(0, 5)[:, 0], [0, 1, 1, 1, 0])
    assert column.shape == (5, 2) and column.dtype == np.float32


def test_column_sync_reaches_the_disk(tmp_path, monkeypatch):
    column, synced = row_store.Column(tmp_path / "x.npy", (5, 2), ">i2"), []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_ino) or real(fd))
    column.sync()
    assert synced == [(tmp_path / "x.npy").stat().st_ino]
