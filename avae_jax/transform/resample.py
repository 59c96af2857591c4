"""Resampling: the values of an image between its pixels, in any number of dimensions.

Outside the image the value is `fill`; it is approached within one pixel of the border
rather than jumped to, so that the result is continuous in the position and its
derivative is never infinite (a hard mask would jump there).
"""

import itertools

import jax
import jax.numpy as jnp

from avae_jax.types import Array

TAPS = {"linear": 2, "cubic": 4}


def sample(image: Array, index: Array, fill: Array, *, interpolation: str = "linear") -> Array:
    """Interpolated values of `image` at fractional pixel indices.

    Args:
      image: `[*S, C]`.
      index: `[*T, d]`, in pixels; 0 is the centre of the first pixel.
      fill: `[C]`, the value outside.
      interpolation: `linear` (2 taps an axis) or `cubic` (4 taps: Keys' kernel with
        a = -1/2, less blur, may overshoot the range of the image by a few percent).

    Returns:
      `[*T, C]`, differentiable in `image`, `index` and `fill`.

    Reference: R. Keys, Cubic convolution interpolation for digital image processing, 1981.
    """
    shape, channels = image.shape[:-1], image.shape[-1]
    points = index.reshape(-1, len(shape))
    below = jnp.floor(points)
    weights = _weights(points - below, interpolation)
    first = below.astype(jnp.int32) - (TAPS[interpolation] // 2 - 1)
    flat = image.reshape(-1, channels) - fill[None]
    total = fill[None]
    for taps in itertools.product(range(TAPS[interpolation]), repeat=len(shape)):
        weight, position = 1.0, 0
        for axis, tap in enumerate(taps):
            i = first[:, axis] + tap
            inside = (i >= 0) & (i < shape[axis])
            weight = weight * jnp.where(inside, weights[tap][:, axis], 0)
            position = position * shape[axis] + jnp.clip(i, 0, shape[axis] - 1)
        total = total + weight[:, None] * flat[position]
    return total.reshape(*index.shape[:-1], channels)


def _weights(t: Array, interpolation: str) -> list[Array]:
    """Weight of each tap for the fraction `t` in [0, 1) past the lower neighbour."""
    if interpolation == "linear":
        return [1 - t, t]
    return [
        ((2 - t) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((4 - 3 * t) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    ]
