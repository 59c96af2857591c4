"""Noise of a stack, estimated at the borders of its images and within them."""

import numpy as np

from avae_jax.data.formats import Stack

SAMPLED = 256  # images looked at
# Shares of the variance of an image: beyond the first its border is no background, beyond the
# second it has noise as fine as pixels nearly everywhere, which objects that touch the border have
# not.
NOISY, FINE = 0.02, 0.01
NORMAL = 0.6745  # median absolute value of noise of deviation 1
# Fewer examples than these, by dimension, do not average noise away.
LEAST_EXAMPLES, LEAST_SIDE = {2: 50, 3: 20}, 12


def noise_share(examples: np.ndarray) -> float:
    """The noise variance over the variance of the examples `[n, *S, C]`, a median over them.

    The noise is measured along the border, where neighbours differ by nothing else: half their
    mean squared difference. Noise that is alike from pixel to pixel is thereby underestimated.
    NaN stands for what was not observed.
    """
    values = examples.astype(np.float64)
    axes = range(values.ndim - 2)
    faces = [values.take(end, axis=1 + axis) for axis in axes for end in (0, -1)]
    steps = [np.diff(face, axis=1 + axis) for face in faces for axis in axes[:-1]]
    flat = np.concatenate([step.reshape(len(values), -1) for step in steps], 1)
    noise = _mean(flat * flat) / 2
    return float(np.median(noise / np.maximum(_variance(values), np.finfo(np.float64).tiny)))


def _variance(values: np.ndarray) -> np.ndarray:
    whole = values.reshape(len(values), -1)
    return _mean((whole - _mean(whole)[:, None]) ** 2)


def _mean(values: np.ndarray) -> np.ndarray:
    """Means of rows over what is not NaN, 0 where nothing is."""
    seen = np.isfinite(values)
    return np.where(seen, values, 0).sum(1) / np.maximum(seen.sum(1), 1)


def fine_share(examples: np.ndarray) -> float:
    """The same of noise that differs from pixel to pixel: what most of an example has of it.

    The second difference along two axes leaves nothing of slopes and edges along an axis
    (Immerkaer, Computer Vision and Image Understanding 1996), the median nothing of other edges.
    """
    values = examples.astype(np.float64)
    left = np.abs(np.diff(np.diff(values, 2, axis=1), 2, axis=2) / 6).reshape(len(values), -1)
    known = np.isfinite(left).any(1)
    if not known.any():
        return 0.0
    deviation = np.nanmedian(left[known], 1) / NORMAL
    variance = _variance(values[known])
    return float(np.median(deviation**2 / np.maximum(variance, np.finfo(np.float64).tiny)))


def is_noisy(stack: Stack) -> bool:
    """Whether a stack holds examples enough in noise enough to be aligned by class averages."""
    count, (*sides, channels) = stack.shape[0], stack.example
    if stack.move or len(sides) not in LEAST_EXAMPLES or min(sides) < LEAST_SIDE:
        return False
    if count < LEAST_EXAMPLES[len(sides)] or (len(sides) == 3 and channels > 1):
        return False
    most = SAMPLED if len(sides) == 2 else SAMPLED // 8
    places = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    sample = np.concatenate([stack.raw(int(place), int(place) + 1) for place in places])
    if not (np.isfinite(sample) | (np.isnan(sample) & (len(sides) == 3))).all():
        return False
    return noise_share(sample) > NOISY and fine_share(sample) > FINE
