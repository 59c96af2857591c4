"""Frames of examples: `data.fill`, `data.scale` and `data.size`."""

import math
from typing import Any

import numpy as np
from scipy import ndimage

from avae_jax.core.errors import InputError


def fill_value(fill: Any, train: np.ndarray) -> np.ndarray:
    """The value outside the image.

    Args:
        fill: a number, one number per channel, or "border".
        train: training examples `[N, *S, C]` before scale and size.

    Returns:
        `[C]` float32; for "border" the median, per channel, of the borders of all examples.

    Raises:
        InputError: any other value.
    """
    if isinstance(fill, str) and fill == "border":
        return border_median(train)
    channels = train.shape[-1]
    rule = f"data.fill={fill!r}: a finite number, {channels} of them (one per channel), or 'border'"
    try:
        values = np.asarray(fill, dtype=np.float32)
    except (TypeError, ValueError):
        raise InputError(rule) from None
    if isinstance(fill, (str, bool)) or values.shape not in ((), (1,), (channels,)):
        raise InputError(rule)
    if not np.isfinite(values).all():
        raise InputError(rule)
    return np.broadcast_to(values, (channels,)).copy()


def border_median(images: np.ndarray) -> np.ndarray:
    """`[N, *S, C]` -> `[C]`: the median over all examples of the outermost pixels.

    Only observed pixels count (not NaN); if no border pixel was observed, the observed pixels
    next to missing ones count.
    """
    sides = images.shape[1:-1]
    border = np.ones(sides, dtype=bool)
    border[(slice(1, -1),) * len(sides)] = False
    # One channel at a time keeps the sorted copy small.
    channels = range(images.shape[-1])
    return np.array([_median(images[..., c], border) for c in channels], dtype=np.float32)


def _median(images: np.ndarray, border: np.ndarray) -> float:
    """The median of the pixels of one channel `[N, *S]` at the `border: [*S]`."""
    outermost = images[:, border]
    gone = np.isnan(outermost)
    if not gone.any():
        with np.errstate(over="ignore"):  # near the largest float
            return np.median(outermost)
    if not gone.all():
        return np.median(outermost[~gone])
    gone = np.isnan(images)
    nearest = ndimage.binary_dilation(gone, np.ones((1,) + (3,) * border.ndim)) & ~gone
    return np.median(images[nearest]) if nearest.any() else 0.0


def frame_sides(
    sides: tuple[int, ...], size: int, spacing: tuple[float, ...] = ()
) -> tuple[int, ...]:
    """Spatial shape after `data.size`; 0 keeps `sides`, counted in the smallest pixel size."""
    if size:
        return (size,) * len(sides)
    lengths = np.multiply(sides, spacing or 1)
    return tuple(max(1, round(length)) for length in lengths.tolist())


def reframe(
    images: np.ndarray,
    *,
    scale: float,
    size: int,
    fill: np.ndarray,
    spacing: tuple[float, ...] = (),
) -> np.ndarray:
    """Scales content about the image centre and pads or crops, in one resampling.

    With `scale == 1` pixels are copied exactly: from H to n pixels, `(n - H) // 2` pixels of
    `fill` come first (a negative number crops). Otherwise the centre of the image is mapped to
    the centre of the frame. Pixels that are not square become square.

    Args:
        images: `[N, *S, C]` float32.
        scale: > 1 enlarges, < 1 shrinks.
        size: pixels of every spatial axis, 0 keeps.
        fill: `[C]`, the value outside.
        spacing: pixel size on each axis relative to the smallest, `()` if all are equal.

    Returns:
        `[N, *T, C]` float32; NaN if missing pixels (NaN) make up more than half of a new pixel.
    """
    gone = np.isnan(images)
    if gone.any():
        how: dict[str, Any] = {"scale": scale, "size": size, "spacing": spacing}
        known = reframe((~gone).astype(np.float32), **how, fill=np.ones_like(fill))
        seen = reframe(np.where(gone, fill, images).astype(np.float32), **how, fill=fill)
        # Missing pixels hold `fill`: its contribution is subtracted again.
        away = (seen - fill) / np.maximum(known, 0.5)
        whole = np.where(known < 1, (fill + away).astype(np.float32), seen)
        return np.where(known < 0.5, np.float32(np.nan), whole)
    sides = frame_sides(images.shape[1:-1], size, spacing)
    if scale == 1.0 and not spacing:
        return _pad_or_crop(images, sides, fill)
    framed = np.empty((len(images), *sides, images.shape[-1]), dtype=np.float32)
    scales = scale * np.asarray(spacing or (1.0,) * len(sides))
    for n, image in enumerate(images):
        for c, outside in enumerate(fill):
            framed[n, ..., c] = resample(image[..., c], sides, scale=scales, fill=outside)
    return framed


def resample(
    image: np.ndarray, sides: tuple[int, ...], *, scale: float | np.ndarray, fill: float
) -> np.ndarray:
    """One channel `[*S]` -> `[*T]` scaled about the centre, with `fill` outside of the image.

    Shrinking is linear after a Gaussian of standard deviation `(1 / scale - 1) / 2` pixels
    against aliasing; enlarging is cubic, clipped to the range of the image.

    Args:
        scale: of all axes, or of each, `[d]`.
    """
    scales = np.broadcast_to(scale, image.ndim)
    sigma = np.maximum(0.0, (1.0 / scales - 1.0) / 2.0)
    # The Gaussian moves content across the border, so the image is padded first.
    wide = np.pad(image, [(math.ceil(4.0 * s),) * 2 for s in sigma], constant_values=fill)
    if sigma.any():
        wide = ndimage.gaussian_filter(wide, sigma, mode="constant", cval=fill, truncate=4.0)
    centre_in = (np.array(wide.shape) - 1) / 2.0
    centre_out = (np.array(sides) - 1) / 2.0
    moved = ndimage.affine_transform(
        wide,
        1.0 / scales,
        offset=centre_in - centre_out / scales,
        output_shape=tuple(sides),
        order=3 if scales.max() > 1.0 else 1,
        mode="grid-constant",
        cval=fill,
    )
    return np.clip(moved, min(image.min(), fill), max(image.max(), fill))


def _pad_or_crop(images: np.ndarray, sides: tuple[int, ...], fill: np.ndarray) -> np.ndarray:
    fronts = [(new - old) // 2 for old, new in zip(images.shape[1:-1], sides, strict=True)]
    target, origin = [slice(None)], [slice(None)]
    for front, old, new in zip(fronts, images.shape[1:-1], sides, strict=True):
        target.append(slice(max(front, 0), min(front + old, new)))
        origin.append(slice(max(-front, 0), min(new - front, old)))
    framed = np.empty((len(images), *sides, images.shape[-1]), dtype=np.float32)
    framed[...] = fill
    framed[tuple(target)] = images[tuple(origin)]
    return framed
