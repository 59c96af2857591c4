"""Tests of `avae_jax.data.sources.solid_parts`."""

import numpy as np
import pytest

from avae_jax.data.sources.solid_parts import Box, Lathe
from avae_jax.data.sources.solids import rasterise


def test_rasterise_box_covers_its_volume():
    volume = rasterise([Box((0, 0, 0), (1, 2, 3))], side=32, size=1.0)
    unit = np.linalg.norm([1, 2, 3]) / 2 / 15
    assert volume.sum() == pytest.approx(6 / unit**3, rel=0.01)
    assert volume.max() == 1.0 and volume.min() == 0.0


def test_rasterise_leaning_box_keeps_its_volume():
    """A leaning box keeps its volume and moves its top back."""
    upright = rasterise([Box((0, 0, 0), (1, 1, 3))], side=32, size=1.0)
    leaning = rasterise([Box((0, 0, 0), (1, 1, 3), 0.5)], side=32, size=1.0)
    low, high = (np.argwhere(leaning[:, :, z] > 0.5).mean(0)[1] for z in (6, 25))
    assert high > low + 4
    shrink = np.linalg.norm([1, 1, 3]) / np.linalg.norm([1, 2.5, 3])
    assert leaning.sum() == pytest.approx(upright.sum() * shrink**3, rel=0.05)


def test_rasterise_cone_a_third_of_its_cylinder():
    """A turned cone covers a third of its cylinder."""
    volume = rasterise([Lathe((0, 0), (0, 2), (1, 0))], side=32, size=1.0)
    unit = np.sqrt(2) / 15
    assert volume.sum() == pytest.approx(2 * np.pi / 3 / unit**3, rel=0.02)
