"""Tests of `avae_jax.data.formats.npy_header`."""

import io

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats.npy_header import (
    Header,
    check_magic,
    choose_array,
    npz_headers,
    read_header,
    with_channels,
)


@pytest.mark.parametrize(
    ("shape", "wanted", "said"),
    [
        ((2, 9, 7), (2, 9, 7, 1), "images of one channel"),
        ((2, 9, 7, 3), (2, 9, 7, 3), "images, the last axis as channels"),
        ((2, 9, 7, 5), (2, 9, 7, 5, 1), "volumes of one channel"),
        ((2, 6, 9, 7, 1), (2, 6, 9, 7, 1), "volumes, the last axis as channels"),
    ],
)
def test_with_channels_by_rank(shape, wanted, said):
    array, sentence = with_channels(np.zeros(shape), name="x")
    assert array.shape == wanted and said in sentence


@pytest.mark.parametrize("shape", [(9,), (9, 7), (2, 0, 7), (1,) * 6])
def test_with_channels_refuses_other_shapes(shape):
    with pytest.raises(InputError, match="wanted"):
        with_channels(np.zeros(shape), name="x")


@pytest.mark.parametrize("array", [np.zeros((3, 2), ">f4"), np.asfortranarray(np.zeros((3, 2)))])
def test_read_header_stops_at_the_numbers(array):
    stream = io.BytesIO()
    np.save(stream, array)
    stream.seek(0)
    header = read_header(stream, name="x")
    assert (header.shape, header.dtype) == (array.shape, array.dtype)
    assert header.fortran == (not array.flags.c_contiguous)
    assert header.bytes == array.nbytes == len(stream.read())


def test_npz_headers_of_every_member(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((2, 9, 7), "u1"), labels=np.arange(2))
    found = npz_headers(tmp_path / "x.npz")
    assert {name: header.shape for name, header in found.items()} == {
        "images": (2, 9, 7),
        "labels": (2,),
    }


def test_check_magic_refuses_what_is_no_npy(tmp_path):
    (tmp_path / "x").write_bytes(b"hello there")
    with pytest.raises(InputError, match="an npy file is wanted"):
        check_magic(tmp_path / "x")
    np.save(tmp_path / "y.npy", np.zeros(3))
    check_magic(tmp_path / "y.npy")


def test_choose_array_by_rank_then_by_name():
    image, flat = Header((2, 9, 7), np.dtype("u1")), Header((2,), np.dtype("u1"))
    assert choose_array({"a": image, "b": flat}, name="x") == "a"
    assert choose_array({"a": image, "images": image}, name="x") == "images"
    for headers in ({}, {"b": flat}, {"a": image, "b": image}):
        with pytest.raises(InputError, match="exactly one array of rank 3"):
            choose_array(headers, name="x")
