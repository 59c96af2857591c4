"""Tests of `avae_jax.data.formats.registry`."""

import gzip

import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats.registry import FORMATS, HEAD, format_of, listed, volume_openers

MARKS = [
    (name, at, mark)
    for name, entry in FORMATS.items()
    for at, mark in (*((0, mark) for mark in entry.beginnings), *entry.inside)
]


@pytest.mark.parametrize(("name", "at", "mark"), MARKS)
@pytest.mark.parametrize("packed", [False, True])
def test_format_of_contents_whatever_the_name(name, at, mark, packed, tmp_path):
    text = bytes(at) + mark + bytes(HEAD)
    (tmp_path / "x.png").write_bytes(gzip.compress(text) if packed else text)
    assert format_of(tmp_path / "x.png") is FORMATS[name]


@pytest.mark.parametrize("name", [name for name, entry in FORMATS.items() if entry.suffixes])
def test_format_of_suffix_where_contents_say_nothing(name, tmp_path):
    for suffix in FORMATS[name].suffixes:
        path = tmp_path / f"x{suffix.upper()}"
        path.write_bytes(b"hello")
        assert format_of(path) is FORMATS[name]


def test_format_of_other_files_is_none(tmp_path):
    for text in (b"", b"hello", bytes(HEAD)):
        (tmp_path / "x").write_bytes(text)
        assert format_of(tmp_path / "x") is None
    with pytest.raises(InputError, match="no such file"):
        format_of(tmp_path / "none")


def test_listed_names_every_format():
    assert all(name in listed() for name in FORMATS)
    assert {".mrc", ".nii.gz"} <= set(volume_openers())
