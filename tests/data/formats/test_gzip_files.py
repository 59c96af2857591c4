"""Tests of `avae_jax.data.formats.gzip_files`."""

import gzip

import pytest

from avae_jax.data.formats.gzip_files import created, is_packed, open_plain


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", ["x", "x.gz"])
def test_created_is_read_whatever_its_name(name, packed, tmp_path):
    path = tmp_path / name
    with created(path, packed=packed) as file:
        file.write(b"text")
    assert is_packed(path) == packed
    with open_plain(path) as file:
        assert file.read() == b"text"


def test_created_same_contents_same_bytes(tmp_path):
    for name in ("a", "b"):
        with created(tmp_path / name, packed=True) as file:
            file.write(b"text")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert gzip.decompress((tmp_path / "a").read_bytes()) == b"text"
