"""The mixture: a volume is an average, rotated, shifted and dimmed, and white noise.

    x = a . shift(t) . rotate(R) . m_k + noise,     a ~ N(1, contrast),  t ~ N(0, spread^2)

R is uniform on SO(3), the class k has a share. Only what was observed is compared. Averages are
functions on the voxels of a cube, read between them linearly.
"""

import functools
import itertools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array
from avae_jax.inference.averaging.support import STRENGTHS, shares_of, strengths

EDGE = 1.5  # voxels over which averages end at the ball
EMPTY = 1e-2  # of the mean coverage: voxels covered less are nearly unknown


class Common(NamedTuple):
    """What is estimated for all classes together.

    Attributes:
      noise: variance of a block that was observed whole.
      contrast: variance of the volumes' contrasts about 1.
      spread: standard deviation of shifts on each axis, voxels.
    """

    noise: Array
    contrast: Array
    spread: Array


class Model(NamedTuple):
    """What is estimated.

    Attributes:
      averages: `[K, n, n, n]`.
      shrunk: share of signal in each shell of frequencies, `[K, n // 2]`.
      shares: of classes, `[K]`.
    """

    averages: Array
    shrunk: Array
    shares: Array
    common: Common


def read(field: Array, points: Array) -> Array:
    """Values `[P, C]` of a field `[n, n, n, C]` at points `[P, 3]`, voxels from its centre."""
    n = field.shape[0]
    at = jnp.clip(points + (n - 1) / 2, 0.0, n - 1.001)
    low = jnp.floor(at)
    part, low = at - low, low.astype(jnp.int32)
    flat = field.reshape(-1, field.shape[-1])
    first = (low[:, 0] * n + low[:, 1]) * n + low[:, 2]
    total = jnp.zeros((len(points), field.shape[-1]), field.dtype)
    for corner in itertools.product((0, 1), repeat=3):
        share = jnp.prod(jnp.where(np.array([corner], bool), part, 1 - part), axis=1)
        place = (corner[0] * n + corner[1]) * n + corner[2]
        total += share[:, None] * flat[first + place]
    return total


def spread_out(values: Array, points: Array, n: int) -> Array:
    """The transpose of `read`: `[n^3, C]` that values `[P, C]` at points `[P, 3]` add up to."""
    at = jnp.clip(points + (n - 1) / 2, 0.0, n - 1.001)
    low = jnp.floor(at)
    part, low = at - low, low.astype(jnp.int32)
    first = (low[:, 0] * n + low[:, 1]) * n + low[:, 2]
    total = jnp.zeros((n**3, values.shape[-1]), values.dtype)
    for corner in itertools.product((0, 1), repeat=3):
        share = jnp.prod(jnp.where(np.array([corner], bool), part, 1 - part), axis=1)
        place = (corner[0] * n + corner[1]) * n + corner[2]
        total = total.at[first + place].add(share[:, None] * values)
    return total


@functools.cache
def shells(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The shell of each coefficient of `rfftn` of `[n, n, n]`, and how often each counts."""
    whole, half = np.fft.fftfreq(n) * n, np.fft.rfftfreq(n) * n
    far = np.sqrt(whole[:, None, None] ** 2 + whole[:, None] ** 2 + half**2)
    twice = np.where((half == 0) | (2 * half == n), 1.0, 2.0) * np.ones(far.shape)
    return np.rint(far).astype(int), twice


def cube(n: int) -> np.ndarray:
    """The voxels of a cube in voxels from its centre, `[n^3, 3]`."""
    axis = np.arange(n, dtype=np.float32) - (n - 1) / 2
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)


def ball(n: int) -> np.ndarray:
    """1 within the ball of a cube `[n, n, n]`, 0 beyond, softly."""
    axis = np.arange(n) - (n - 1) / 2
    far = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    return np.clip((n / 2 - far) / EDGE, 0, 1).astype(np.float32)


def filtered(volume: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """A volume `[n, n, n]` whose shells of frequencies 0, 1 ... are multiplied by `gain`."""
    shell, _ = shells(len(volume))
    padded = np.pad(gain, (0, max(0, int(shell.max()) + 1 - len(gain))))
    return np.fft.irfftn(np.fft.rfftn(volume) * padded[shell], volume.shape, axes=(0, 1, 2)).astype(
        np.float32
    )


def blurred(average: np.ndarray, factor: int) -> np.ndarray:
    """An average as blocks of `factor` voxels show it, from any side."""
    wave = np.arange(2 * len(average)) / len(average)
    return filtered(average, np.exp(-2 * (np.pi * wave) ** 2 * (factor**2 - 1) / 12))


def finished(sums: np.ndarray, seen: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """An average `[n, n, n]` and the share of signal in each shell.

    Each shell is shrunk by what halves of the volumes, `sums / seen` of `[2, n, n, n]`, have in
    common: 2 F / (1 + F) of their correlation F is the share of signal in the mean of both. Where
    in the frame there is more signal than on the mean, more of it is kept.
    """
    n, kept = sums.shape[-1], ball(sums.shape[-1])
    floor = EMPTY * seen.sum(0).mean()
    halves = kept * sums / (seen + floor / 2)
    whole = kept * sums.sum(0) / (seen.sum(0) + floor)
    correlation = shell_correlation(halves[0], halves[1])
    shrunk = np.clip(2 * correlation / (1 + np.maximum(correlation, 0)), 0, 1)
    shrunk[int(n / 2 / factor) + 1 :] = 0
    return kept * _by_place(whole, shrunk, float(kept.mean())), shrunk


def _by_place(whole: np.ndarray, shrunk: np.ndarray, filled: float) -> np.ndarray:
    """A volume `[n, n, n]` filtered by shell and place.

    Args:
      shrunk: share of signal in each shell, on the mean over the ball.
      filled: the share of the cube that the ball fills.
    """
    shell, twice = shells(len(whole))
    power = np.bincount(shell.ravel(), (twice * np.abs(np.fft.rfftn(whole)) ** 2).ravel())
    power = power[: len(shrunk)] / (whole.size**2 * filled)
    noise, signal = (shrunk**2 * part * power for part in (1 - shrunk, shrunk))
    plain = filtered(whole, shrunk)
    sums = np.array([noise.sum()]), np.array([signal.sum()])
    share = np.asarray(shares_of(np.float32(strengths([plain[None]], np.ones(1), *sums))))
    ratio = shrunk / np.maximum(1 - shrunk, 1e-6)
    gains = [strong * ratio / (strong * ratio + 1) for strong in STRENGTHS]
    return sum(part * filtered(whole, gain) for part, gain in zip(share, gains, strict=True))


def shell_correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Correlation of two volumes in each shell up to half the side, `[n // 2 + 1]`."""
    n = len(one)
    shell, twice = shells(n)
    a, b = np.fft.rfftn(one), np.fft.rfftn(other)

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(shell.ravel(), (twice * values).ravel())[: n // 2 + 1]

    power = summed(np.abs(a) ** 2) * summed(np.abs(b) ** 2)
    return summed((a * b.conj()).real) / np.sqrt(np.maximum(power, 1e-30))
