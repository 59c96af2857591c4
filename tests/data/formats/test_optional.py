"""Tests of `avae_jax.data.formats.optional`."""

import sys

import pytest

from tests.support.stack_samples import refused


@pytest.mark.parametrize("name", ["tifffile", "h5py", "mrcfile", "nibabel"])
def test_optional_missing_reader_says_how_to_install(name, tmp_path, monkeypatch):
    """A missing reader says the line that installs it."""
    path = tmp_path / "x"
    beginnings = {"tifffile": b"II*\0", "h5py": b"\x89HDF\r\n\x1a\n"}
    inside = {"mrcfile": (208, b"MAP "), "nibabel": (344, b"n+1\0")}
    place, mark = inside.get(name, (0, beginnings.get(name)))
    path.write_bytes(bytes(place) + mark + bytes(400))
    monkeypatch.setitem(sys.modules, name, None)
    assert f'pip install "avae_jax[formats]" (or pip install {name})' in refused(path)
