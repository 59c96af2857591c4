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
from avae_jax.inference.averaging.turn import turned

LEAST = 1e-3  # of the noise: the least signal
NEAR = 2  # harmonics on either side that share an estimate
RADII = 200  # samples of the mask's radius


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
    plain: np.ndarray, seen: np.ndarray, noise: np.ndarray, jitter: Array, *, level: Level
) -> Shrunk:
    """Averages and how much of them is signal.

    The signal is what the variance exceeds that of the noise by, as in Wiener's filter.

    Args:
      plain: the mean of the images of each class, `[K, C, P]`.
      seen: images each is a mean of, `[K]`.
      noise: variance of an entry of one image in each ring, `[C, rings]`.
      jitter: radians that the angles of `level` are turned by.
    """
    shares = seen / seen.sum()
    mean = np.float32(np.tensordot(shares, plain, 1))
    spun, power = _harmonics(mean, jitter, level=level)
    common = _filter(np.asarray(power), _flat(noise / seen.sum(), level), level)
    averages = _filtered(spun, common.kept, jitter, level=level)[None]
    kept, cost = common.seen[None], common.cost * shares
    if len(plain) > 1:
        own = [_harmonics(one - mean, jitter, level=level) for one in plain]
        flat = [_flat(noise / count, level) for count in seen]
        parts = _differences([np.asarray(power) for _, power in own], flat, shares, level)
        averages = averages + np.stack(
            [
                _filtered(spun, part.kept, jitter, level=level)
                for (spun, _), part in zip(own, parts, strict=True)
            ]
        )
        kept = np.stack([np.maximum(common.seen, part.seen) for part in parts])
        cost = cost + np.array([part.cost for part in parts]) * (1 - shares)
    return Shrunk(np.asarray(averages, np.float32), kept, cost.astype(np.float32))


class _Filter(NamedTuple):
    """What is kept of harmonics `[M, C, rings]` and of rings `[C, rings]`, and its cost."""

    kept: np.ndarray
    seen: np.ndarray
    cost: float


def _differences(
    powers: list[np.ndarray], flats: list[np.ndarray], shares: np.ndarray, level: Level
) -> list[_Filter]:
    """Filters of the classes' differences from the mean, which are of one strength."""
    # Noise that is in a class is in the mean as well, by its share.
    free = 1 - shares
    excess = sum(
        s * (power - f * flat)
        for s, f, power, flat in zip(shares, free, powers, flats, strict=True)
    )
    signal = _smoothed(excess / (shares * free).sum())
    return [_kept(np.maximum(signal, LEAST * flat), flat, level) for flat in flats]


def _filter(power: np.ndarray, flat: np.ndarray, level: Level) -> _Filter:
    return _kept(np.maximum(_smoothed(power - flat), LEAST * flat), flat, level)


def _kept(signal: np.ndarray, flat: np.ndarray, level: Level) -> _Filter:
    """The filter of a signal in noise, both by harmonic and ring."""
    share = noise_shares(level.disc, level.turns)[:, None]
    kept = signal / (signal + flat + 1e-30)
    gain = np.log1p(signal / (flat + 1e-30)) + kept
    cost = (share * level.disc.ring_sizes * gain).sum() / 2
    return _Filter(np.float32(kept), (kept * share).sum(0), float(cost))


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
def _filtered(spun: Array, kept: Array, jitter: Array, *, level: Level) -> Array:
    """The vector `[C, P]` of harmonics `[M, C, P]` of which `kept [M, C, rings]` is left."""
    # Angles begin at `jitter`: back to none.
    phase = (jitter * np.arange(len(spun), dtype=np.float32))[:, None, None]
    still = spun.real * jnp.cos(phase) + spun.imag * jnp.sin(phase)
    return (_both(level.turns)[:, None, None] * kept[:, :, level.disc.rings] * still).sum(0)


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
