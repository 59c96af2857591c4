"""Whether noise hides the objects of a stack."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits

from avae_jax.alignment.noise import FINE, NOISY, fine_share, is_noisy, noise_share
from avae_jax.data.formats import Stack
from tests.support.single_object import blobs


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
def test_noise_share_measures_white_noise(share):
    clean = np.asarray(blobs((32, 32)))[None]
    deviation = np.sqrt(share / (1 - share) * clean.var())
    noise = np.random.default_rng(0).normal(0, deviation, (200, 32, 32, 1))
    assert noise_share(clean + noise) == pytest.approx(share, rel=0.1)
    assert fine_share(clean + noise) == pytest.approx(share, rel=0.1)


def test_noise_share_of_clean_images_is_small():
    """A background that rises slowly is no noise."""
    clean = np.asarray(blobs((32, 32)))[None]
    slope = 0.3 * np.linspace(0, 1, 32)[None, :, None, None]
    assert noise_share(np.float32(clean + slope)) < NOISY


def test_clean_objects_that_touch_the_border_are_no_noise():
    """Bars from border to border, and digits that fill their frame."""
    bars = np.zeros((60, 24, 24, 1), np.float32)
    bars[np.arange(60), :, np.arange(60) % 20 + 2] = 1.0
    digits = ndimage.zoom(load_digits().images[:60], (1, 2, 2), order=1)[..., None]
    for images in (bars, digits):
        assert noise_share(images) > NOISY
        assert fine_share(images) < FINE


def stack_of(values):
    def read(start, stop):
        return values[start:stop]

    return Stack(Path("x.npy"), values.shape, values.dtype, read, write=None)


@pytest.mark.parametrize(
    ("shape", "enough"),
    [
        *[((50, 12, 12, 1), True), ((49, 12, 12, 1), False), ((50, 11, 12, 1), False)],
        *[((50, 12, 12, 3), True), ((20, 12, 12, 12, 1), True), ((19, 12, 12, 12, 1), False)],
        *[((20, 12, 12, 11, 1), False), ((20, 12, 12, 12, 2), False)],
    ],
)
def test_noise_is_averaged_away_by_enough_examples_large_enough(shape, enough):
    """Images of any channels, volumes of one."""
    noise = np.random.default_rng(0).standard_normal(shape)
    assert is_noisy(stack_of(noise)) == enough


def test_shapes_are_not_noisy():
    """What has no pixels of its own has no noise in them."""
    noise = stack_of(np.random.default_rng(0).standard_normal((50, 12, 12, 1)))
    assert not is_noisy(dataclasses.replace(noise, move=lambda target, poses: None))
