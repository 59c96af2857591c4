"""Tests of `avae_jax.training.writers.pictures`."""

import numpy as np
import pytest

from avae_jax.training.writers.pictures import tiled


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_tiled_images_are_cells_of_64_pixels(channels):
    """Rows are stages, columns are examples."""
    rows = [np.zeros((3, 16, 16, channels)), np.ones((3, 16, 16, channels))]
    pixels = tiled(rows)
    assert pixels.dtype == np.uint8 and pixels.shape == (128, 192, 3)
    assert (pixels[:64] == 0).all() and (pixels[64:] == 255).all()


def test_tiled_volumes_are_rendered():
    volume = np.zeros((1, 8, 8, 8, 1))
    volume[:, 2:6, 2:6, 2:6] = 1
    pixels = tiled([volume, np.zeros_like(volume)])
    assert pixels.shape == (128, 64, 3)
    assert pixels[:64].min() < 200 and (pixels[64:] == 255).all()
