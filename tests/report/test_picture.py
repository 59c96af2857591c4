"""Tests of `avae_jax.report.picture`."""

import numpy as np
import pytest

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


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((9, 9, 1), (9, 9, 1)), ((40, 20, 3), (10, 5, 3)), ((41, 2, 30, 1), (8, 1, 6, 1))],
)
def test_shrunk_keeps_means(shape, expected):
    image = np.random.default_rng(0).uniform(size=shape)
    found = picture.shrunk(image, 10)
    assert found.shape == expected
    np.testing.assert_allclose(picture.shrunk(np.full(shape, 0.3), 10), 0.3)
