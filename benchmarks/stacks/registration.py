"""Registration to a running mean by scikit-image: what its gallery shows, repeated over a stack.

The angle is where the polar transforms of image and mean agree best, the shift where their phases
do after the image has been turned back. scikit-image comes with the extra `benchmark`.
"""

import numpy as np
from scipy import ndimage

from benchmarks.stacks.classical import Found, flattened, moments
from benchmarks.stacks.particles import Case

ROUNDS, TURNS, FINER = 6, 360, 10  # of the mean; samples of the angle; parts of a pixel
AGREED = 2  # pixels beyond the stack's shifts that a shift is believed


def registration(images: np.ndarray, case: Case) -> Found:
    """Angles and shifts to the mean of all, which begins as one image, centred by its moments."""
    size = case.size
    data = flattened(images, inverted=case.damage == "inverted").reshape(-1, size, size)
    shifts, angles = moments(images, case).shifts, np.zeros(len(data))
    mean = ndimage.gaussian_filter(_upright(data[0], 0.0, shifts[0]), 1)
    for _ in range(ROUNDS):
        target, total = _polar(mean), np.zeros_like(mean)
        for index, image in enumerate(data):
            angles[index] = _angle(_upright(image, 0.0, shifts[index]), target)
            if case.shift:
                found = _shift(image, mean, angles[index])
                believed = np.abs(found).max() <= case.shift + AGREED
                shifts[index] = found if believed else shifts[index]
            total += _upright(image, angles[index], shifts[index])
        mean = total / len(data)
    return Found(angles, shifts, np.zeros(len(data), int))


def _upright(image: np.ndarray, angle: float, shift: np.ndarray) -> np.ndarray:
    """An image moved back and turned back, from the second axis towards the first."""
    moved = ndimage.shift(image, -shift, order=1) if shift.any() else image
    return ndimage.rotate(moved, -angle, reshape=False, order=1)


def _polar(image: np.ndarray) -> np.ndarray:
    from skimage.transform import warp_polar

    return warp_polar(image, radius=len(image) / 2, output_shape=(TURNS, len(image)))


def _angle(image: np.ndarray, target: np.ndarray) -> float:
    """Degrees that an image is turned by against a mean whose polar transform is `target`."""
    from skimage.registration import phase_cross_correlation

    rows = phase_cross_correlation(_polar(image), target, normalization=None)[0][0]
    # Rows of a polar transform go from the second axis towards the first.
    return -rows * 360 / TURNS


def _shift(image: np.ndarray, mean: np.ndarray, angle: float) -> np.ndarray:
    """Pixels `[2]` that an image turned by `angle` is shifted by against the mean."""
    from skimage.registration import phase_cross_correlation

    back = ndimage.rotate(image, -angle, reshape=False, order=1)
    options = {"normalization": None, "upsample_factor": FINER}
    y, x = phase_cross_correlation(back, mean, **options)[0]
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.array([cos * y - sin * x, sin * y + cos * x])
