"""Raw values minus an offset and divided by a scale, so that 32-bit floats can be resampled.

Types that 32-bit floats hold exactly are resampled directly. For wider types, each channel of
each example is reduced by its minimum and divided by its range, to keep its contrast.
"""

from typing import NamedTuple

import numpy as np

from avae_jax.alignment.model_frame import Framing
from avae_jax.data.missing import Missing
from avae_jax.data.precision import above, is_wide, less, plus, stored


class Levels(NamedTuple):
    """Examples ready for resampling.

    Attributes:
      values: `[n, *S, C]` float32.
      fill: `[n, C]` float32, the value outside of an example.
      base: `[n, 1.., C]` of the stack's type, the subtracted offset; `None` if there is none.
      span: `[n, 1.., C]`, the divisor after that.
    """

    values: np.ndarray
    fill: np.ndarray
    base: np.ndarray | None = None
    span: np.ndarray | None = None


def lowered(raw: np.ndarray, seen: Framing) -> Levels:
    """Raw examples `[n, *S, C]` and the value outside, ready for resampling."""
    count, channels = len(raw), raw.shape[-1]
    if not is_wide(raw.dtype):
        fill = np.broadcast_to(seen.raw_fill.astype(np.float32), (count, channels))
        return Levels(raw.astype(np.float32, copy=False), fill)
    spatial = tuple(range(1, raw.ndim - 1))
    base = raw.min(axis=spatial, keepdims=True)
    low, high = seen.scaling.low, seen.scaling.high
    fill = seen.fill * (high - low) - less(base, low)
    span = np.maximum(above(raw.max(axis=spatial, keepdims=True), base), abs(fill))
    span[span == 0] = 1
    values = (above(raw, base) / span).astype(np.float32)
    return Levels(values, (fill / span).astype(np.float32).reshape(count, channels), base, span)


def raised(
    moved: np.ndarray, levels: Levels, dtype: np.dtype, *, missing: Missing | None = None
) -> np.ndarray:
    """Moved examples `[n, *S, C]` float32 in the `dtype` of the stack.

    Args:
      missing: value of pixels that were not observed, which are NaN in `moved`.
    """
    gone = np.isnan(moved)
    if missing and gone.any():
        numbers = raised(np.where(gone, 0, moved), levels, dtype)
        numbers[gone] = missing.written
        return numbers
    if levels.base is None or levels.span is None:
        return stored(moved, dtype)
    return plus(moved * levels.span, levels.base, dtype)


def drawn(values: np.ndarray, seen: Framing, dtype: np.dtype) -> np.ndarray:
    """Values in the range of the model, converted to `dtype` and the range of the stack."""
    low, high = seen.scaling.low, seen.scaling.high
    if not is_wide(dtype):
        return stored(np.float32(low) + values * np.float32(high - low), dtype)
    if dtype.kind == "f":
        return (low + values.astype(np.float64) * (high - low)).astype(dtype)
    limits = np.iinfo(dtype)
    base = min(max(int(low // 1), limits.min), limits.max)
    whole = np.full((1,) * values.ndim, base, dtype)
    return plus(values.astype(np.float64) * (high - low) + float(low - base), whole, dtype)
