"""Images turned by a quarter are found a quarter on where the search is right."""

import dataclasses

import numpy as np
import pytest

from avae_jax.inference.averaging import align_images
from benchmarks.stacks.particles import Case, particles


@pytest.mark.full
def test_clear_images_are_found_a_quarter_on_and_noise_is_not():
    case = Case("test", shape="elongated", size=16, snr=3.0, shift=0.5)
    stack = particles(case, count=120, seed=1)
    stable = align_images(stack.images, seed=0, num_classes=1).stable
    assert (stable.examples, stable.jumps) == (120, 0.0) and stable.median_deg < 1
    noise = np.random.default_rng(0).standard_normal(stack.images.shape).astype(np.float32)
    lost = align_images(dataclasses.replace(stack, images=noise).images, num_classes=1).stable
    assert lost.median_deg > stable.median_deg
