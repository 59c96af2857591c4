"""Images as vectors: the Fourier coefficients within a disc of frequencies.

The vector of an image `[n, n]` holds the real and then the imaginary parts of half the disc,
scaled so that the inner product of two vectors is that of two images without their mean. Phases
count from the centre of the box, so that vectors of grids of any number of pixels on the same box
agree, and a rotation about the centre maps the disc onto itself. The mean is left out: a constant
brightness of each image's own is thereby taken off exactly.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array


@dataclasses.dataclass(frozen=True)
class Disc:
    """Frequencies up to `radius` periods a box of `side` pixels; `radius < side / 2`."""

    side: int
    radius: int

    @functools.cached_property
    def frequencies(self) -> np.ndarray:
        """Periods a box `[F, 2]` on axes y, x: one of each pair that stands for a real image."""
        reach = np.arange(-self.radius, self.radius + 1)
        y, x = (a.ravel() for a in np.meshgrid(reach, reach, indexing="ij"))
        kept = (y**2 + x**2 <= self.radius**2) & ((x > 0) | ((x == 0) & (y > 0)))
        found = np.stack([y, x], 1)[kept]
        # By frequency: a smaller disc of the same box is a beginning of both halves.
        return found[np.argsort((found**2).sum(1), kind="stable")]

    @property
    def size(self) -> int:
        """Entries of a vector, `P = 2 F`."""
        return 2 * len(self.frequencies)

    @functools.cached_property
    def rings(self) -> np.ndarray:
        """The ring of each entry `[P]`: its frequency rounded, less 1."""
        far = np.sqrt((self.frequencies**2).sum(1))
        return np.tile(np.minimum(np.rint(far).astype(int), self.radius) - 1, 2)

    @functools.cached_property
    def ring_sizes(self) -> np.ndarray:
        """Entries in each ring `[radius]`."""
        return np.bincount(self.rings, minlength=self.radius)


def ring_sums(values: Array, disc: Disc) -> Array:
    """Sums `[..., radius]` of `[..., P]` over rings."""
    member = np.zeros((disc.size, disc.radius), np.float32)
    member[np.arange(disc.size), disc.rings] = 1
    return jnp.matmul(values, member, precision="highest")


def to_disc(images: Array, disc: Disc, *, centre: tuple[float, float] | None = None) -> Array:
    """Vectors `[..., P]` of images `[..., m, m]` of the box; `centre` in pixels of `m`."""
    m = images.shape[-1]
    y, x = disc.frequencies.T
    cy, cx = centre or ((m - 1) / 2, (m - 1) / 2)
    phase = np.exp(2j * np.pi * (y * cy + x * cx) / m) * (np.sqrt(2) * disc.side / m**2)
    found = jnp.fft.rfft2(images)[..., y % m, x]
    found = found * _along(phase, found.ndim)
    return jnp.concatenate([found.real, found.imag], -1)


def from_disc(vectors: Array, disc: Disc, m: int, *, sharpen: bool = False) -> Array:
    """Images `[..., m, m]` of the box from vectors `[..., P]`; `m > 2 radius`.

    Args:
      sharpen: makes up for what linear interpolation between the pixels will smooth.
    """
    y, x = disc.frequencies.T
    phase = np.exp(-2j * np.pi * (y + x) * (m - 1) / 2 / m) * (m**2 / (np.sqrt(2) * disc.side))
    if sharpen:
        phase = phase / (np.sinc(y / m) * np.sinc(x / m)) ** 2
    coefficients = as_complex(vectors) * _along(phase, vectors.ndim)
    whole = jnp.zeros((*vectors.shape[:-1], m, m // 2 + 1), jnp.complex64)
    whole = whole.at[..., y % m, x].set(coefficients)
    # The column x = 0 holds both of each pair.
    edge = x == 0
    whole = whole.at[..., -y[edge] % m, 0].set(jnp.conj(coefficients[..., edge]))
    return jnp.fft.irfft2(whole, (m, m))


def as_complex(vectors: Array) -> Array:
    """Complex coefficients `[..., F]` of vectors `[..., P]`."""
    real, imaginary = jnp.split(vectors, 2, -1)
    return jax.lax.complex(real, imaginary)


def _along(phase: np.ndarray, rank: int) -> np.ndarray:
    return phase.astype(np.complex64).reshape((1,) * (rank - 1) + (-1,))


def moved(vectors: Array, shifts: Array, disc: Disc) -> Array:
    """Vectors `[..., P]` of images shifted by `[..., 2]` pixels, as many axes."""
    turns = (
        -2
        * np.pi
        / disc.side
        * jnp.matmul(shifts, disc.frequencies.T.astype(np.float32), precision="highest")
    )
    cos, sin = jnp.cos(turns), jnp.sin(turns)
    real, imaginary = jnp.split(vectors, 2, -1)
    return jnp.concatenate([real * cos - imaginary * sin, real * sin + imaginary * cos], -1)


@functools.partial(jax.jit, static_argnames="disc")
def each_moved(vectors: Array, shifts: Array, *, disc: Disc) -> Array:
    """Vectors `[K, C, P]`, each shifted by its own `[K, 2]` pixels."""
    return moved(vectors, shifts[:, None], disc)


def lower(vectors: Array, disc: Disc, small: Disc) -> Array:
    """The part of vectors `[..., P]` that lies in a smaller disc of the same box."""
    kept = small.size // 2
    half = disc.size // 2
    return jnp.concatenate([vectors[..., :kept], vectors[..., half : half + kept]], -1)


def higher(vectors: Array, disc: Disc, large: Disc) -> Array:
    """Vectors in a larger disc of the same box, zero where they were unknown."""
    kept = disc.size // 2
    gap = jnp.zeros((*vectors.shape[:-1], large.size // 2 - kept), vectors.dtype)
    return jnp.concatenate([vectors[..., :kept], gap, vectors[..., kept:], gap], -1)
