"""Tests of `avae_jax.report.sprite`."""

import base64
import io

import numpy as np
from PIL import Image

from avae_jax.report import sprite
from tests.support.report_samples import solid


def opened(pictures):
    data = base64.b64decode(pictures["uri"].partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA").convert("RGB"))


def cell(pictures, row, column):
    width, height = pictures["width"], pictures["height"]
    return opened(pictures)[row * height :, column * width :][:height, :width]


def test_sprite_volumes_rendered_and_turning():
    """Volumes are rendered and turn."""
    # Seen from a little above: the vertical axis stays, what is in front goes round.
    pictures = sprite.sprite(
        [np.stack([solid(0), solid(90)])], radius=sprite.reach([solid(0)]), budget=10**6
    )
    first, second = (cell(pictures, 0, column) for column in range(2))
    assert first.shape == (sprite.SIDE, sprite.SIDE, 3) and first.any()
    assert np.abs(first.astype(int) - second).mean() > 5
