"""Noise of a stack, estimated at the borders of its images."""

import numpy as np

from avae_jax.data.formats import Stack

SAMPLED = 256  # images looked at
# Share of the variance of an image beyond which its border is noise and not background.
NOISY = 0.02
# Fewer images than these do not average noise away.
LEAST_IMAGES, LEAST_SIDE = 50, 12


def noise_share(images: np.ndarray) -> float:
    """The noise variance over the variance of the images `[n, H, W, C]`, a median over images.

    The noise is measured along the border, where neighbours differ by nothing else: half their
    mean squared difference. Noise that is alike from pixel to pixel is thereby underestimated.
    """
    values = images.astype(np.float64)
    edges = (values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1])
    steps = np.concatenate([np.diff(edge, axis=1).reshape(len(values), -1) for edge in edges], 1)
    noise = (steps * steps).mean(1) / 2
    whole = values.reshape(len(values), -1).var(1)
    return float(np.median(noise / np.maximum(whole, np.finfo(np.float64).tiny)))


def is_noisy(stack: Stack) -> bool:
    """Whether a stack holds images enough in noise enough to be aligned by class averages."""
    count, (*sides, _) = stack.shape[0], stack.example
    if len(sides) != 2 or stack.move or count < LEAST_IMAGES or min(sides) < LEAST_SIDE:
        return False
    places = np.unique(np.linspace(0, count - 1, min(count, SAMPLED)).round().astype(int))
    sample = np.concatenate([stack.raw(int(place), int(place) + 1) for place in places])
    return bool(np.isfinite(sample).all()) and noise_share(sample) > NOISY
