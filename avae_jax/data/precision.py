"""Arithmetic in the precision of the input, before numbers become 32-bit floats."""

from typing import Any

import numpy as np

LARGEST = float(np.finfo(np.float32).max)
WORDS = np.uint64  # differences of integers of any type are exact modulo 2^64


def is_wide(dtype: np.dtype) -> bool:
    """Whether numbers of `dtype` lose digits as float32."""
    return not np.can_cast(dtype, np.float32)


def above(values: np.ndarray, base: np.ndarray) -> np.ndarray:
    """`values - base` of one type, non-negative, as floats of 64 bits or more."""
    if values.dtype.kind in "iu":
        return (values.astype(WORDS) - base.astype(WORDS)).astype(np.float64)
    return values - base


def less(values: np.ndarray, offset: float) -> np.ndarray:
    """`values - offset` for a Python number, as floats of 64 bits or more."""
    if values.dtype.kind not in "iu":
        return values - offset
    base = values.min(keepdims=True, initial=np.iinfo(values.dtype).max)
    whole = int(offset // 1)
    return above(values, base) + (float(base.item() - whole) - (offset - whole))


def plus(differences: np.ndarray, base: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`base + differences` in `dtype`, rounded and clipped for integers."""
    if dtype.kind not in "iu":
        return (base + differences).astype(dtype)
    limits, words = np.iinfo(dtype), base.astype(WORDS)
    down = _at_most(words - np.array(limits.min).astype(WORDS))
    up = _at_most(np.array(limits.max).astype(WORDS) - words)
    rounded = np.clip(np.rint(differences.astype(np.float64)), -down, up)
    words = words + np.maximum(rounded, 0).astype(WORDS) - np.maximum(-rounded, 0).astype(WORDS)
    return words.astype(dtype)


def stored(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`values` in `dtype`, rounded and clipped for integers."""
    if dtype.kind == "b":
        return values >= 0.5
    if dtype.kind not in "iu":
        return values.astype(dtype, copy=False)
    return plus(values, np.zeros((1,) * values.ndim, dtype), dtype)


def told_apart(least: Any, largest: Any, kind: type[np.floating]) -> bool:
    """Whether floats of `kind` have a thousand steps between two numbers."""
    step = float(np.spacing(kind(max(abs(least), abs(largest)))))
    return 1000 * step <= float(largest - least)


def _at_most(words: np.ndarray) -> np.ndarray:
    """The largest floats that are not above unsigned integers."""
    floats = words.astype(np.float64)
    return np.where(words > WORDS(2**53), np.nextafter(floats, 0), floats)
