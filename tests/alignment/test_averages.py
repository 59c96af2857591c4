"""Averages of classes and their Fourier ring correlation."""

import numpy as np
import pytest

from avae_jax.alignment import averages


def test_averages_of_classes():
    images = np.arange(5)[:, None, None, None] * np.ones((5, 4, 4, 1))
    found = averages.averages([images[:3], images[3:]], np.array([1, 2, 1, 1, 2]), (4, 4, 1))
    assert found.members.tolist() == [3, 2]
    np.testing.assert_allclose(found.mean[:, 0, 0, 0], [5 / 3, 2.5])
    np.testing.assert_allclose(found.halves[:, :, 0, 0, 0], [[1.5, 2], [1, 4]])


def test_ring_correlation_of_equal_and_of_independent_images():
    draws = np.random.default_rng(0)
    one, other = draws.normal(size=(2, 64, 64, 1))
    np.testing.assert_allclose(averages.ring_correlation(one, one), 1)
    assert np.abs(averages.ring_correlation(one, other)[8:]).max() < 0.35


def test_ring_correlation_by_hand():
    """One ring of each image, of which the other has half the power in phase."""
    x = np.arange(16)
    wave = np.cos(2 * np.pi * 3 * x / 16)[None, :, None] * np.ones((16, 1, 1))
    shifted = np.sin(2 * np.pi * 3 * x / 16)[None, :, None] * np.ones((16, 1, 1))
    assert averages.ring_correlation(wave, wave + shifted)[2] == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize(
    "curve, pixels", [([0.9, 0.5, 0.1, 0.5], 8), ([1, 1, 1, 1], 4), ([0.1, 1, 1, 1], np.nan)]
)
def test_resolution(curve, pixels):
    assert averages.resolution(np.array(curve), 16) == pytest.approx(pixels, nan_ok=True)
