"""Stacks of the benchmark whose objects all differ: their stated poses are those of the images."""

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.stacks import chairs, galaxies
from benchmarks.stacks.particles import Case
from benchmarks.stacks.solid_particles import VolumeCase

CLEAN = 1e6


def upright(image, rotation, shift):
    """An image or volume brought back by the pose of its object, `R` and then `shift`."""
    middle = (np.array(image.shape) - 1) / 2
    offset = middle + shift - rotation @ middle
    return ndimage.affine_transform(image, rotation, offset, order=1, mode="nearest")


def likeness(images):
    """The least correlation of an image with the mean of all."""
    flat = images.reshape(len(images), -1)
    mean = flat.mean(0)
    return min(np.corrcoef(one, mean)[0, 1] for one in flat)


def test_galaxies_are_alike_once_brought_back():
    """Galaxies are turned and shifted by the poses that are stated, in all colours alike."""
    case = Case("galaxies", shape="galaxy", size=32, snr=CLEAN, shift=3.0)
    stack = galaxies.galaxies(case, count=12, seed=3)
    assert stack.images.shape == (12, 32, 32, 3)
    for colour in range(3):
        back = []
        for image, angle, shift in zip(stack.images, stack.angles, stack.shifts, strict=True):
            cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
            turn = np.array([[cos, -sin], [sin, cos]])
            back.append(upright(image[..., colour], turn, shift))
        assert likeness(np.stack(back)) > 0.75 > likeness(stack.images[..., colour]) + 0.1


def test_chairs_are_alike_once_brought_back(avae_data, monkeypatch):
    """Chairs are turned and shifted by the poses that are stated."""
    monkeypatch.setenv("AVAE_DATA", str(avae_data))
    case = VolumeCase("chairs", "chairs", CLEAN)
    stack = chairs.chairs(case, count=8, seed=3)
    pairs = zip(stack.volumes, stack.rotations, stack.shifts, strict=True)
    back = np.stack([upright(volume, turn, shift) for volume, turn, shift in pairs])
    assert likeness(back) > likeness(stack.volumes) + 0.1


@pytest.mark.parametrize("snr", [0.3, 3.0])
def test_noise_of_galaxies_is_that_of_the_case(snr):
    """The variance of signal over that of noise within a galaxy is what the case says."""
    clean, noisy = (
        galaxies.galaxies(Case("g", shape="galaxy", size=32, snr=s), count=40, seed=1).images
        for s in (CLEAN, snr)
    )
    # Both are standardised: the slope of one on the other is the change of unit.
    slope = (clean * noisy).mean() / (clean * clean).mean()
    noise = np.var(noisy - slope * clean)
    level = clean.max() * 0.05 + clean.min() * 0.95
    assert slope**2 * np.var(clean[clean > level]) / noise == pytest.approx(snr, rel=0.1)
