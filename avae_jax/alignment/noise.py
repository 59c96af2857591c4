"""Noise of a stack, estimated at the borders of its images and within them."""

import numpy as np

from avae_jax.data.formats import Stack

SAMPLED = 256  # images looked at
# Shares of the variance of an image: beyond the first its border is no background, beyond the
# second it has noise as fine as pixels nearly everywhere, which objects that touch the border have
# not.
NOISY, FINE = 0.02, 0.01
NORMAL = 0.6745  # median absolute value of noise of deviation 1
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


def fine_share(images: np.ndarray) -> float:
    """The same of noise that differs from pixel to pixel: what most of an image has of it.

    The second difference along both axes leaves nothing of slopes and edges along an axis
    (Immerkaer, Computer Vision and Image Understanding 1996), the median nothing of other edges.
    """
    values = images.astype(np.float64)
    left = np.diff(np.diff(values, 2, axis=1), 2, axis=2) / 6
    deviation = np.median(np.abs(left).reshape(len(values), -1), 1) / NORMAL
    whole = values.reshape(len(values), -1).var(1)
    return float(np.median(deviation**2 / np.maximum(whole, np.finfo(np.float64).tiny)))


def is_noisy(stack: Stack) -> bool:
    """Whether a stack holds images enough in noise enough to be aligned by class averages."""
    count, (*sides, _) = stack.shape[0], stack.example
    if len(sides) != 2 or stack.move or count < LEAST_IMAGES or min(sides) < LEAST_SIDE:
        return False
    places = np.unique(np.linspace(0, count - 1, min(count, SAMPLED)).round().astype(int))
    sample = np.concatenate([stack.raw(int(place), int(place) + 1) for place in places])
    if not np.isfinite(sample).all():
        return False
    return noise_share(sample) > NOISY and fine_share(sample) > FINE
