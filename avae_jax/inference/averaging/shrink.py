"""Averages shrunk by what their signal is against noise, in each ring and harmonic of the angle.

Rings alone do not tell a round outline, which is the same at every angle, from what turns with the
object: noise as fine as the outline would be kept, and would give every image a sharp angle.

Classes share most of the object: each average is the mean of all and a difference of its own, and
the differences are shrunk by what all of them exceed noise by. Conformations that differ in a small
part cost that part alone, and the average of few images borrows the rest.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import jv

from avae_jax.core.types import Array
from avae_jax.inference.averaging.disc import Disc, ring_sums
from avae_jax.inference.averaging.sampling import Level
from avae_jax.inference.averaging.support import (
    STRENGTHS,
    disc_mean,
    kept_by,
    picked,
    pictures_of,
    strengths,
)
from avae_jax.inference.averaging.turn import turned

LEAST = 1e-3  # of the noise: the least signal
NEAR = 2  # harmonics on either side that share an estimate
RADII = 200  # samples of the mask's radius
MEAN = int(np.flatnonzero(STRENGTHS == 1)[0])


class Shrunk(NamedTuple):
    """Averages as they are expected.

    Attributes:
      averages: `[K, C, P]`.
      kept: how much of each ring is signal, 0 to 1, `[K, C, rings]`.
      cost: nats that their entries cost: prior over posterior volume, and distance from the mean.
    """

    averages: np.ndarray
    kept: np.ndarray
    cost: np.ndarray


def shrunk(
    plain: np.ndarray,
    seen: np.ndarray,
    noise: np.ndarray,
    jitter: Array,
    *,
    level: Level,
    sure: np.ndarray,
) -> Shrunk:
    """Averages and how much of them is signal.

    The signal is what the variance exceeds that of the noise by, as in Wiener's filter.

    Args:
      plain: the mean of the images of each class, `[K, C, P]`.
      seen: images each is a mean of, `[K]`.
      noise: variance of an entry of one image in each ring, `[C, rings]`.
      jitter: radians that the angles of `level` are turned by.
      sure: what images tell of each class's own part, of what they would if sorted, `[K]`.
    """
    shares = seen / seen.sum()
    mean = np.float32(np.tensordot(shares, plain, 1))
    one = np.ones(1)
    common = _group(mean[None], seen.sum() * one, one, one, noise, jitter, level)
    averages, kept, cost = common.averages, common.kept, common.cost * shares
    if len(plain) > 1:
        # Noise that is in a class is in the mean as well, by its share.
        own = _group(plain - mean, seen, 1 - shares, sure, noise, jitter, level)
        averages = averages + own.averages
        kept, cost = np.maximum(kept, own.kept), cost + own.cost * (1 - shares)
    return Shrunk(np.float32(averages), np.float32(kept), np.float32(cost))


def _group(
    vectors: np.ndarray,
    seen: np.ndarray,
    free: np.ndarray,
    sure: np.ndarray,
    noise: np.ndarray,
    jitter: Array,
    level: Level,
) -> Shrunk:
    """Vectors `[K, C, P]` that are one kind of signal, as they are expected.

    Args:
      seen: images that each is a mean of, `[K]`.
      free: the share of their noise that is in it, `[K]`.
    """
    shares, disc = seen / seen.sum(), level.disc
    flats = [_flat(noise / count, level) for count in seen]
    spun = [_harmonics(vector, jitter, level=level) for vector in vectors]
    excess = sum(
        s * (np.asarray(power) - f * flat)
        for s, f, (_, power), flat in zip(shares, free, spun, flats, strict=True)
    )
    signal = _smoothed(excess / (shares @ free))
    signals = [np.float32(np.maximum(signal, LEAST * flat)) for flat in flats]
    pairs = list(zip(signals, flats, strict=True))
    pictures = [
        _pictures(harmonics, *pair, jitter, level=level)
        for (harmonics, _), pair in zip(spun, pairs, strict=True)
    ]
    plain = [np.asarray(one[MEAN]) for one in pictures]
    left = [_left(*pair, level) for pair in pairs]
    noisy, strong = (np.tensordot(shares * free, part, 1) for part in zip(*left, strict=True))
    strength = strengths(plain, shares, noisy, strong)
    made = [picked(one, strength.astype(np.float32), disc=disc) for one in pictures]
    share = noise_shares(disc, level.turns)[:, None]
    kept = [(share * s / (s + flat + 1e-30)).sum(0) for s, flat in pairs]
    cost = [_cost(*pair, strength, s, level) for pair, s in zip(pairs, sure, strict=True)]
    return Shrunk(np.stack(made), np.stack(kept), np.array(cost))


def _left(signal: np.ndarray, flat: np.ndarray, level: Level) -> tuple[np.ndarray, np.ndarray]:
    """Variances `[C]` of a pixel that a filter by frequency leaves of noise and of signal."""
    kept = signal / (signal + flat + 1e-30)
    sizes = level.disc.ring_sizes / (np.pi / 4 * level.disc.side**2)
    return ((kept**2 * flat).sum(0) @ sizes, (kept**2 * signal).sum(0) @ sizes)


def _cost(
    signal: np.ndarray,
    flat: np.ndarray,
    strength: np.ndarray,
    sure: float | np.floating,
    level: Level,
) -> float:
    """Nats that a signal costs whose strength depends on the place, on the mean over the disc.

    Images that may be of several classes leave its posterior wider, by `sure`: what is less sure
    costs less.
    """
    share = noise_shares(level.disc, level.turns)[:, None] * level.disc.ring_sizes
    ratio = signal / (flat + 1e-30)
    each = [
        (share * (np.log1p(sure * s * ratio) + s * ratio / (1 + s * ratio))).sum() / 2
        for s in STRENGTHS
    ]
    return disc_mean(np.interp(np.log2(strength), np.log2(STRENGTHS), each))


def _flat(noise: np.ndarray, level: Level) -> np.ndarray:
    """The power of noise of a variance by ring `[C, rings]` in each harmonic and ring."""
    return noise[None] * noise_shares(level.disc, level.turns)[:, None]


@functools.partial(jax.jit, static_argnames="level")
def _harmonics(vector: Array, jitter: Array, *, level: Level) -> tuple[Array, Array]:
    """A vector `[C, P]` by harmonics of the angle `[M, C, P]`, and their power by ring."""
    disc = level.disc
    spun = jnp.fft.rfft(turned(vector, level.angles + jitter, disc), axis=0) / level.turns
    sizes = disc.ring_sizes.astype(np.float32)[None, None]
    return spun, _both(level.turns)[:, None, None] * ring_sums(jnp.abs(spun) ** 2, disc) / sizes


@functools.partial(jax.jit, static_argnames="level")
def _pictures(spun: Array, signal: Array, flat: Array, jitter: Array, *, level: Level) -> Array:
    """Pictures `[L, C, n, n]` of harmonics `[M, C, P]`, filtered for each of `STRENGTHS`."""
    # Angles begin at `jitter`: back to none.
    phase = (jitter * np.arange(len(spun), dtype=np.float32))[:, None, None]
    still = spun.real * jnp.cos(phase) + spun.imag * jnp.sin(phase)
    still = _both(level.turns)[:, None, None] * still
    kept = kept_by(signal, flat)[..., level.disc.rings]
    return pictures_of((kept * still[None]).sum(1), level.disc)


def _both(turns: int) -> np.ndarray:
    """How often each harmonic of `rfft` counts: those of positive and negative order are alike."""
    both = np.full(turns // 2 + 1, 2, np.float32)
    both[0] = 1
    if turns % 2 == 0:
        both[-1] = 1
    return both


def _smoothed(excess: np.ndarray) -> np.ndarray:
    """Means over neighbouring harmonics of `[M, C, rings]`; what does not turn stands alone."""
    count = np.arange(len(excess) - 1)
    near = (np.abs(count[:, None] - count) <= NEAR).astype(np.float32)
    near /= near.sum(1, keepdims=True)
    return np.concatenate([excess[:1], np.tensordot(near, excess[1:], 1)])


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
