"""Resampling: the values of an image between its pixels, in any number of dimensions.

Outside the image the value is `fill`; it is approached within one pixel of the border
rather than jumped to, so that the result is continuous in the position and its
derivative is never infinite (a hard mask would jump there).
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

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
    taps, channels = TAPS[interpolation], image.shape[-1]
    shape = np.array(image.shape[:-1], np.int32)
    points = index.reshape(-1, len(shape))
    below = jnp.floor(points)
    weights = _weights(points - below, interpolation)
    # A frame of zeros, wide enough that taps beyond it need no test of their own.
    inside = image - jnp.broadcast_to(fill, image.shape)
    wide = jnp.pad(inside, [*((taps, taps) for _ in shape), (0, 0)])
    strides = np.cumprod([1, *wide.shape[-2:0:-1]], dtype=np.int32)[::-1]
    first = jnp.clip(below.astype(jnp.int32) - (taps // 2 - 1), -taps, shape[None]) + taps
    # A reduction, which XLA keeps: written as a sum of slices it is fused into each gather
    # and computed again for every value read (on a CPU core half the time or more).
    corner = (first * strides[None]).sum(-1)
    flat = wide.reshape(-1, channels)
    values = []
    for offsets in itertools.product(range(taps), repeat=len(shape) - 1):
        step = sum(tap * int(stride) for tap, stride in zip(offsets, strides[:-1], strict=True))
        values.extend(_neighbours(flat, corner + step, taps))
    # The last axis varies fastest in `values`: it is interpolated first.
    for axis in reversed(range(len(shape))):
        groups = [values[n : n + taps] for n in range(0, len(values), taps)]
        values = [_mix([w[:, axis] for w in weights], group) for group in groups]
    return (fill[None] + values[0]).reshape(*index.shape[:-1], channels)


def _neighbours(flat: Array, start: Array, count: int) -> list[Array]:
    """`count` arrays `[N, C]`: the rows of `flat [M, C]` from each of `start [N]` on.

    Contiguous rows in one gather: in reverse mode one scatter instead of `count`.
    """
    read = jax.vmap(lambda n: jax.lax.dynamic_slice_in_dim(flat, n, count))
    return list(read(start).swapaxes(0, 1))


def _mix(weights: list[Array], values: list[Array]) -> Array:
    """Weighted sum `[N, C]` of values `[N, C]` with weights `[N]`."""
    return sum(w[:, None] * v for w, v in zip(weights, values, strict=True))


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
