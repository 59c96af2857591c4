"""Tests of `avae_jax.report.picture`."""

import numpy as np

from avae_jax.report import picture


def test_png_keeps_shape_and_colours():
    """An image keeps its shape and colours."""
    from io import BytesIO

    from PIL import Image

    image = np.zeros((4, 8, 3), np.float32)
    image[:2, :, 0] = 1.0
    shown = np.asarray(Image.open(BytesIO(picture.png(image, radius=0.0))))
    assert shown.shape == (80, 160, 3)
    np.testing.assert_array_equal(shown[0, 0], [255, 0, 0])
    np.testing.assert_array_equal(shown[-1, -1], [0, 0, 0])
