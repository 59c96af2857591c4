"""Tests of `avae_jax.data.formats.reading`."""

import struct
from pathlib import Path

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats import reading
from avae_jax.data.formats.reading import (
    describe,
    line_of,
    path_of,
    require_held,
    require_memory,
    require_numbers,
)


@pytest.mark.parametrize(
    "error", [struct.error("odd"), IndexError("odd"), SyntaxError("odd"), RuntimeError("odd\nmore")]
)
def test_reading_turns_every_failure_into_one_sentence(error):
    with pytest.raises(InputError, match=r"^x: not a readable thing \(odd\)$"):
        with reading.reading("x", "thing"):
            raise error


def test_reading_names_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file; a readable thing is wanted"):
        with reading.reading(tmp_path / "x", "thing"):
            (tmp_path / "x").open()


def test_require_memory_names_shape_and_way_out():
    require_memory("x", (10, 10), 4, way_out="take fewer")
    with pytest.raises(InputError, match="x: 1000000 x 1000000 would take .* GiB .*; take fewer"):
        require_memory("x", (10**6, 10**6), 4, way_out="take fewer")


def test_require_held_refuses_more_than_a_file_can_hold(tmp_path):
    (tmp_path / "x").write_bytes(bytes(1000))
    require_held(tmp_path / "x", 2**20)
    with pytest.raises(InputError, match="in a file of 1,000"):
        require_held(tmp_path / "x", 2**30)


@pytest.mark.parametrize("dtype", ["O", "U3", "c8", "V4", "M8[s]"])
def test_require_numbers_refuses_other_types(dtype):
    with pytest.raises(InputError, match="wanted"):
        require_numbers(np.dtype(dtype), name="x")


@pytest.mark.parametrize("dtype", ["?", "u1", ">i4", "f2", "f8"])
def test_require_numbers_returns_numbers(dtype):
    assert require_numbers(np.dtype(dtype), name="x") == np.dtype(dtype)


def test_path_of_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_of("~/x") == tmp_path / "x" and path_of("x") == Path("x")
    with pytest.raises(InputError, match="no such home folder"):
        path_of("~nobody_of_that_name/x")


def test_line_of_and_describe_fit_a_sentence():
    assert line_of(ValueError("first.\nsecond")) == "first"
    assert line_of(ValueError()) == "ValueError"
    assert describe((32, 32, 1)) == "32 x 32 x 1"
