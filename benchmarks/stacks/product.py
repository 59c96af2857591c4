"""The product's averaging on a stack of the benchmark, no options given."""

import numpy as np

from avae_jax.inference.averaging import align_images
from benchmarks.stacks.classical import Found
from benchmarks.stacks.particles import Stack


def aligned(stack: Stack, seed: int) -> Found:
    """What `align_images` finds, read from the poses it gives."""
    found = align_images(stack.images, seed=seed)
    inverse = np.linalg.inv(found.poses)
    angles = np.degrees(np.arctan2(inverse[:, 1, 0], inverse[:, 0, 0]))
    shifts = inverse[:, :2, 2] * max(stack.images.shape[1:3]) / 2
    note = f"{found.class_posterior.shape[1]} classes, spread {found.spread_px:.2f} px"
    return Found(angles, shifts, found.classes, note)
