"""Formats: what is written is read, and a copy of a stack is the stack."""

import gzip
import struct

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn

from avae_jax.data.formats import open_stack

# The folder of a test serves all its examples: each overwrites the file.
REPEATED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SHAPES = st.tuples(st.integers(1, 4), st.integers(5, 9), st.integers(5, 9))


def write_idx(path, array):
    """An IDX file of bytes, packed."""
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


def write_mrc(path, array):
    """A stack of images of MRC; its deviation overflows where the header's 32 bits are too few."""
    with np.errstate(over="ignore", invalid="ignore"), mrcfile.new(path, overwrite=True) as file:
        file.set_data(array)
        file.set_image_stack()


FORMATS = {
    "npy": (np.save, ("u1", "<u2", ">i4", "f4", ">f8", "?")),
    "npz": (lambda path, array: np.savez(path, images=array), ("u1", "f4", ">f8")),
    "tif": (
        lambda path, array: tifffile.imwrite(path, array, photometric="minisblack"),
        ("u1", "<u2", "f4"),
    ),
    # Bytes of MRC are signed or not by what their values suggest, see `sign_of`.
    "mrcs": (write_mrc, ("i2", "u2", "f4")),
    "idx.gz": (write_idx, ("u1",)),
}


@pytest.mark.standard
@pytest.mark.parametrize("name", FORMATS)
@REPEATED
@given(data=st.data())
def test_a_stack_is_read_and_copied_as_it_was_written(name, data, tmp_path):
    write, types = FORMATS[name]
    dtype = np.dtype(data.draw(st.sampled_from(types)))
    kept = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    numbers = drawn.from_dtype(dtype, **kept)
    array = data.draw(drawn.arrays(dtype, data.draw(SHAPES), elements=numbers))
    path, copy = tmp_path / f"stack.{name}", tmp_path / f"copy.{name}"
    copy.unlink(missing_ok=True)
    write(path, array)
    with open_stack(str(path)) as stack:
        read = stack.raw(0, len(array))
        stack.write(copy, iter([stack.read(0, len(array))]))
    assert read.dtype == dtype or name == "idx.gz"
    np.testing.assert_array_equal(read[..., 0], array)
    with open_stack(str(copy)) as stack:
        np.testing.assert_array_equal(stack.raw(0, len(array)), read)
