"""Arrays of bfloat16, which npy files store as two bytes without a type."""

import ml_dtypes
import numpy as np

from avae_jax.data.formats.reading import require_memory

STORED = np.dtype("V2")


def read_as(dtype: np.dtype) -> np.dtype:
    """The type in which numbers of `dtype` are read: float32 for bfloat16, else `dtype`."""
    return np.dtype(np.float32) if dtype == STORED else dtype


def widened(array: np.ndarray, *, name: str) -> np.ndarray:
    """An array in the type of `read_as`."""
    if array.dtype != STORED:
        return array
    require_memory(name, array.shape, 4, way_out="store it as float16 or float32")
    return array.view(ml_dtypes.bfloat16).astype(np.float32)


def narrowed(array: np.ndarray) -> np.ndarray:
    """An array of floats as bfloat16 in the two-byte type of npy files."""
    return array.astype(ml_dtypes.bfloat16).view(STORED)
