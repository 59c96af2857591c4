"""Tests of `avae_jax.data.formats.idx_header`."""

import io
from pathlib import Path

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats.idx_header import DTYPES, read_idx_header

NAME = Path("x-idx3-ubyte")


@pytest.mark.parametrize("code", DTYPES)
def test_read_idx_header_leaves_the_stream_at_the_numbers(code):
    stream = io.BytesIO(bytes([0, 0, code, 2]) + np.array([3, 5], ">u4").tobytes() + b"numbers")
    assert read_idx_header(stream, NAME) == (np.dtype(DTYPES[code]), (3, 5))
    assert stream.read() == b"numbers"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "an IDX file is wanted"),
        (b"\x00\x00\x07\x01", "an IDX file is wanted"),
        (b"\x00\x01\x08\x01", "an IDX file is wanted"),
        (b"\x00\x00\x08\x03" + bytes(8), "ends within its header"),
    ],
)
def test_read_idx_header_refuses_other_files(text, said):
    with pytest.raises(InputError, match=said):
        read_idx_header(io.BytesIO(text), NAME)
