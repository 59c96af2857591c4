"""Numbered examples in npz files."""

import numpy as np

from avae_jax.config.options import DataOptions


def saved(tmp_path, array, **options):
    """Options that read `array` from an npy file."""
    np.save(tmp_path / "array.npy", array)
    return DataOptions(source=f"npy:{tmp_path}/array.npy", **options)


def numbered(count, dtype=np.float32):
    """`[count, 5, 5]` images, each filled with its own number but for one pixel."""
    images = np.broadcast_to(np.arange(count)[:, None, None], (count, 5, 5)).astype(dtype)
    images[:, 2, 2] = 0
    return images
