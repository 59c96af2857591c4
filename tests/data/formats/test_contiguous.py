"""Tests of `avae_jax.data.formats.contiguous`."""

import io

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats.contiguous import Layout, copy_head, reader, write_examples

HEAD, NUMBERS = b"head", np.arange(24, dtype=">i2").reshape(4, 3, 2)


@pytest.mark.parametrize("order", ["C", "F"])
def test_reader_reads_what_was_written(order):
    layout, stream = Layout(len(HEAD), NUMBERS.shape, NUMBERS.dtype, order), io.BytesIO()
    copy_head(io.BytesIO(HEAD + b"rest"), stream, layout)
    write_examples(stream, [NUMBERS[:1], NUMBERS[1:]], layout)
    assert stream.getvalue().startswith(HEAD) and layout.size == 12
    read = reader(stream, layout, name="x")
    np.testing.assert_array_equal(read(0, 4), NUMBERS)
    np.testing.assert_array_equal(read(2, 3), NUMBERS[2:3])


def test_reader_refuses_a_file_cut_short():
    stream = io.BytesIO(NUMBERS.tobytes()[:-1])
    read = reader(stream, Layout(0, NUMBERS.shape, NUMBERS.dtype), name="x")
    assert read(0, 3).shape == (3, 3, 2)
    with pytest.raises(InputError, match="x: ends within its 4 examples"):
        read(3, 4)


def test_copy_head_refuses_a_file_cut_short():
    with pytest.raises(InputError, match="ends within its head"):
        copy_head(io.BytesIO(b"he"), io.BytesIO(), Layout(4, (1, 2), np.dtype("u1")))
