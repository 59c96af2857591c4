"""Where in the frame a signal is: Wiener's filter, stronger where there is little but noise.

An object fills a part of the frame, and what tells its conformations apart a smaller one. A filter
that knows frequencies alone keeps as much noise beside the object as within it.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from scipy import ndimage

from avae_jax.core.types import Array
from avae_jax.inference.averaging.disc import Disc, from_disc, to_disc

STRENGTHS = 2.0 ** np.arange(-6, 6)  # of a signal, relative to its mean over the frame
WIDE = 0.06  # of the smoothing of its energy, in sides


def strengths(
    pictures: list[np.ndarray], shares: np.ndarray, noise: np.ndarray, signal: np.ndarray
) -> np.ndarray:
    """How strong a signal is at each place `[*S]`, 1 on the mean.

    Args:
      pictures: filtered by frequency alone, `[C, *S]` each.
      shares: of the images that each is a mean of, `[K]`.
      noise, signal: variances of a pixel `[C]` that the filter leaves of either, on the mean.
    """
    energy = sum(s * one**2 for s, one in zip(shares, pictures, strict=True))
    wide = [WIDE * side for side in energy.shape[1:]]
    smooth = ndimage.gaussian_filter(energy, (0, *wide), mode="wrap")
    # Channels count by how clearly they show it.
    weight = 1 / np.maximum(noise, 1e-12 * noise.max() + 1e-30)
    found = np.tensordot(weight, smooth - np.expand_dims(noise, tuple(range(1, smooth.ndim))), 1)
    found = found / max(float(weight @ signal), 1e-30)
    return np.clip(found, STRENGTHS[0], STRENGTHS[-1])


def kept_by(signal: Array, flat: Array) -> Array:
    """Shares `[L, M, C, rings]` of harmonics kept, for a signal of each of `STRENGTHS`."""
    strong = STRENGTHS.astype(np.float32)[:, None, None, None] * signal[None]
    return strong / (strong + flat[None] + 1e-30)


def pictures_of(vectors: Array, disc: Disc) -> Array:
    """Pictures `[..., n, n]` of vectors `[..., P]`."""
    return from_disc(vectors, disc, 2 * disc.radius + 2)


@functools.partial(jax.jit, static_argnames="disc")
def picked(pictures: Array, strength: Array, *, disc: Disc) -> Array:
    """The vector `[C, P]` of pictures `[L, C, n, n]`, at each place the one of its strength."""
    return to_disc((shares_of(strength)[:, None] * pictures).sum(0), disc)


def shares_of(strength: Array) -> Array:
    """How much of each of `STRENGTHS` stands for the strength at each place, `[L, *S]`."""
    level = jnp.log2(strength / STRENGTHS[0].astype(np.float32))
    steps = np.arange(len(STRENGTHS), dtype=np.float32)
    return jnp.maximum(1 - jnp.abs(level[None] - steps.reshape((-1,) + (1,) * level.ndim)), 0)


def disc_mean(values: np.ndarray) -> float:
    """The mean of `[n, n]` over the disc that averages fill."""
    axis = np.arange(len(values)) - (len(values) - 1) / 2
    return float(values[np.hypot(axis[:, None], axis) <= len(values) / 2].mean())
