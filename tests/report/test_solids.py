"""Tests of `avae_jax.report.solids`."""

import base64
import io

import numpy as np
from PIL import Image

from avae_jax.report.solids import SIDE, solids


def opened(found):
    data = base64.b64decode(found["uri"].partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(data)))


def test_solids_lie_slice_by_slice():
    volumes = np.round(np.random.default_rng(0).uniform(size=(2, 3, 4, 5, 1)))
    found = solids(list(volumes), 4.0)
    assert found["shape"] == (3, 4, 5) and found["radius"] == 4.0
    table = opened(found) / 255
    for row, volume in enumerate(volumes):
        for k in range(3):
            part = table[4 * row : 4 * row + 4, 5 * k : 5 * k + 5]
            np.testing.assert_allclose(part, volume[k, ..., 0])
    np.testing.assert_allclose(found["view"] @ found["view"].T, np.eye(3), atol=1e-9)


def test_large_volumes_are_thinned():
    found = solids([np.zeros((2 * SIDE, 10, 10, 3))], 8.0)
    assert found["shape"] == (SIDE, 5, 5) and found["radius"] == 4.0
