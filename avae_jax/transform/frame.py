"""Frames: pixel grids of images and volumes, and their coordinates.

Coordinates are those of pixel centres, with the origin at the image centre, in array
axis order, in ONE unit on every axis: half the longest side. A rotation is therefore
rigid on a frame that is not square. A frame that extends another keeps its unit.
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array, Shape


@dataclasses.dataclass(frozen=True)
class Frame:
    """A pixel grid.

    Attributes:
      shape: pixels on each axis, `S`.
      unit: length of the coordinate unit (in pixels, or in the unit of `spacing`).
      spacing: pixel size on each axis.

    >>> import avae_jax
    >>> avae_jax.make_frame((28, 20)).unit  # half the longest side
    14.0
    """

    shape: Shape
    unit: float
    spacing: tuple[float, ...]

    @property
    def d(self) -> int:
        return len(self.shape)


def make_frame(shape: Shape, *, spacing: tuple[float, ...] | None = None) -> Frame:
    """The frame of images of spatial shape `shape`; `spacing` defaults to 1 on each axis.

    >>> import avae_jax
    >>> avae_jax.make_frame((28, 20), spacing=(1.0, 2.0)).unit
    20.0
    """
    spacing = spacing or (1.0,) * len(shape)
    longest = max(n * s for n, s in zip(shape, spacing, strict=True))
    return Frame(tuple(shape), longest / 2, tuple(spacing))


frame = make_frame  # The earlier name.


def pad(inner: Frame, pixels: Shape) -> Frame:
    """`inner` extended by `pixels` at both ends of each axis; same unit, same centre."""
    shape = tuple(n + 2 * p for n, p in zip(inner.shape, pixels, strict=True))
    return dataclasses.replace(inner, shape=shape)


def offsets(frame: Frame) -> np.ndarray:
    """Pixel positions `[*S, d]` in pixels from the centre: exact (half) integers."""
    axes = [np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2) for n in frame.shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def coordinates(frame: Frame) -> np.ndarray:
    """Coordinates `[*S, d]` of the pixel centres, in units of half the longest side."""
    return offsets(frame) * (np.asarray(frame.spacing, np.float32) / np.float32(frame.unit))


def to_index(matrix: Array, source: Frame, target: Frame) -> Array:
    """Positions in `source` of the pixels of `target` under the pull matrix `matrix`.

    Args:
      matrix: `[d + 1, d + 1]`, from coordinates of the target to coordinates of the source.

    Returns:
      `[*T, d]` fractional pixel indices into the source.
    """
    dtype = matrix.dtype
    into = np.asarray(target.spacing, np.float64) / target.unit
    back = source.unit / np.asarray(source.spacing, np.float64)
    linear = matrix[:-1, :-1] * jnp.asarray(np.outer(back, into), dtype)
    shift = matrix[:-1, -1] * jnp.asarray(back, dtype)
    shift = shift + jnp.asarray([(n - 1) / 2 for n in source.shape], dtype)
    steps = offsets(target).astype(dtype).reshape(-1, target.d)
    # A sum of products rather than a matmul: float32 on every platform, also under bfloat16.
    index = sum(steps[:, a, None] * linear[None, :, a] for a in range(source.d)) + shift[None]
    return jnp.asarray(index.reshape(*target.shape, source.d))


def support_radius(frame: Frame) -> float:
    """Radius, in coordinates, of the ball whose pixels stay inside under any rotation.

    Pixel centres within this ball stay between the first and the last pixel of every
    axis, so that interpolation never uses values outside of the image.
    """
    return (
        min((n - 1) * s / 2 for n, s in zip(frame.shape, frame.spacing, strict=True)) / frame.unit
    )


def support(frame: Frame) -> np.ndarray:
    """Mask `[*S, 1]` of decoded content: 1 in the inscribed ball."""
    distance = np.linalg.norm(coordinates(frame), axis=-1, keepdims=True)
    return (distance <= support_radius(frame) + 1e-5).astype(np.float32)


def extend(inner: Frame, reach: float, shift: float) -> Frame:
    """The frame that holds the support of `inner` under every pose in range.

    Args:
      reach: largest factor by which a pose lengthens a vector.
      shift: largest shift along an axis, in coordinates.
    """
    radius = support_radius(inner) * reach + shift
    extra = [
        max(0, math.ceil(radius * inner.unit / s - (n - 1) / 2 - 1e-6))
        for n, s in zip(inner.shape, inner.spacing, strict=True)
    ]
    return pad(inner, tuple(extra))
