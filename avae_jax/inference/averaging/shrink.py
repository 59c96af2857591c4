"""An average shrunk by what its signal is against noise, in each ring and harmonic of the angle.

Rings alone do not tell a round outline, which is the same at every angle, from what turns with the
object: noise as fine as the outline would be kept, and would give every image a sharp angle.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.special import jv

from avae_jax.core.types import Array
from avae_jax.inference.averaging.disc import Disc, ring_sums
from avae_jax.inference.averaging.sampling import Level
from avae_jax.inference.averaging.turn import turned

LEAST = 1e-3  # of the noise: the least signal
NEAR = 2  # harmonics on either side that share an estimate
RADII = 200  # samples of the mask's radius


class Shrunk(NamedTuple):
    """An average as it is expected.

    Attributes:
      average: `[C, P]`.
      kept: how much of each ring is signal, 0 to 1, `[C, rings]`.
      cost: nats that its entries cost: prior over posterior volume, and distance from zero.
    """

    average: Array
    kept: Array
    cost: Array


def shrunk(plain: Array, noise: Array, jitter: Array, *, level: Level) -> Shrunk:
    """An average and how much of it is signal.

    The signal is what the variance exceeds that of the noise by, as in Wiener's filter.

    Args:
      plain: the mean of images `[C, P]`.
      noise: variance of an entry of it in each ring, `[C, rings]`.
      jitter: radians that the angles of `level` are turned by.
    """
    disc = level.disc
    sizes = disc.ring_sizes.astype(np.float32)[None, None]
    spun = jnp.fft.rfft(turned(plain, level.angles + jitter, disc), axis=0) / level.turns
    both = _both(level.turns)[:, None, None]
    flat = noise[None] * noise_shares(disc, level.turns)[:, None]
    excess = both * ring_sums(jnp.abs(spun) ** 2, disc) / sizes - flat
    signal = jnp.maximum(_smoothed(excess), LEAST * flat)
    kept = signal / (signal + flat + 1e-30)
    # Angles begin at `jitter`: back to none.
    phase = (jitter * np.arange(len(spun), dtype=np.float32))[:, None, None]
    still = spun.real * jnp.cos(phase) + spun.imag * jnp.sin(phase)
    average = (both * kept[:, :, disc.rings] * still).sum(0)
    share = noise_shares(disc, level.turns)[:, None]
    cost = (share * sizes * (jnp.log1p(signal / (flat + 1e-30)) + kept)).sum() / 2
    return Shrunk(average, (kept * share).sum(0), cost)


def _both(turns: int) -> np.ndarray:
    """How often each harmonic of `rfft` counts: those of positive and negative order are alike."""
    both = np.full(turns // 2 + 1, 2, np.float32)
    both[0] = 1
    if turns % 2 == 0:
        both[-1] = 1
    return both


def _smoothed(excess: Array) -> Array:
    """Means over neighbouring harmonics of `[M, C, rings]`; what does not turn stands alone."""
    rest = excess[1:]
    count = np.arange(len(rest))
    near = (np.abs(count[:, None] - count) <= NEAR).astype(np.float32)
    near /= near.sum(1, keepdims=True)
    mean = jnp.einsum("mn,ncr->mcr", near, rest, precision="highest")
    return jnp.concatenate([excess[:1], mean])


@functools.lru_cache
def noise_shares(disc: Disc, turns: int) -> np.ndarray:
    """The share of each harmonic `[turns // 2 + 1, rings]` in white noise within the mask.

    In the ring of r periods a box noise at radius rho has the Bessel functions' squares.
    """
    order = np.arange(turns // 2 + 1)[:, None, None]
    rings = np.arange(1, disc.radius + 1)[None, :, None]
    radii = (np.arange(RADII) + 0.5) / (2 * RADII)
    found = (jv(order, 2 * np.pi * rings * radii) ** 2 * radii).sum(2)
    found *= _both(turns)[:, None]
    return (found / found.sum(0)).astype(np.float32)
