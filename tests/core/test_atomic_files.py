"""Tests of `avae_jax.core.atomic_files`."""

import errno
import os

import pytest

from avae_jax.core import atomic_files
from avae_jax.core.errors import InputError


def test_whole_replaces_the_file_at_the_end(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(b"old")
    with atomic_files.whole(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_whole_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_files.whole(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"


def test_whole_follows_no_link(tmp_path):
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "x.part").symlink_to("mine")
    with atomic_files.whole(tmp_path / "x") as file:
        file.write(b"new")
    assert (tmp_path / "mine").read_bytes() == b"mine" and (tmp_path / "x").read_bytes() == b"new"


def test_fresh_refuses_an_existing_file(tmp_path):
    path = tmp_path / "x.txt"
    with atomic_files.fresh(path) as file:
        file.write(b"first")
    with pytest.raises(InputError, match="exists already"), atomic_files.fresh(path):
        pytest.fail("opened")
    assert path.read_bytes() == b"first"


def test_fresh_refuses_a_folder_that_is_missing(tmp_path):
    with pytest.raises(InputError, match="cannot be written, No such file"):
        with atomic_files.fresh(tmp_path / "none" / "x.txt"):
            pytest.fail("opened")


def test_refused_names_the_folder_and_the_reason(tmp_path):
    with pytest.raises(InputError, match=f"{tmp_path}: cannot be written, Is a directory"):
        with atomic_files.refused(tmp_path):
            tmp_path.open("wb")


def test_locked_folder_refuses_a_second_run(tmp_path):
    with atomic_files.locked(tmp_path):
        with pytest.raises(InputError, match="output .*: another run is working in it"):
            with atomic_files.locked(tmp_path, name="output"):
                pytest.fail("locked twice")
    with atomic_files.locked(tmp_path):
        pass


def test_whole_on_disk_before_it_takes_the_place(tmp_path, monkeypatch):
    """A machine that stops between the two leaves the old file, never an empty one."""
    calls, path = [], tmp_path / "x"
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def noted(*given, name=name, real=real):
            calls.append((name, path.with_name("x.part").stat().st_size))
            return real(*given)

        monkeypatch.setattr(os, name, noted)
    with atomic_files.whole(path) as file:
        file.write(b"new")
    assert calls == [("fsync", 3), ("replace", 3)]


def test_whole_that_does_not_reach_the_disk_leaves_the_old_file(tmp_path, monkeypatch):
    def fails(_):
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "x"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output"), atomic_files.whole(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
