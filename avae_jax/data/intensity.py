"""Intensities: raw numbers to float32, by the same rule for every source."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.reading import require_numbers
from avae_jax.data.precision import LARGEST, is_wide, less, told_apart

# An integer image below this share of its type's range is nearly black: most often
# 0..255 stored in a wide type.
FAINT = 0.01


class Scaling(NamedTuple):
    """Raw numbers that become 0 and 1; `clip` if values beyond are clipped."""

    low: float
    high: float
    clip: bool = False


def to_float(
    splits: Sequence[np.ndarray], *, name: str, window: str | tuple[float, ...] = "type"
) -> tuple[list[np.ndarray], str]:
    """Raw numbers -> float32, with one scaling for all splits (see `scaling_of`).

    Args:
        splits: arrays `[n, *S, C]` of one dtype.
        name: of the source, for errors.

    Returns:
        The float32 arrays, and a message about the scaling.

    Raises:
        InputError: see `scaling_of`; a dtype that is not numeric.
    """
    dtype = require_numbers(splits[0].dtype, name=name)
    least = min(split.min() for split in splits)
    largest = max(split.max() for split in splits)
    scaling, said = scaling_of(dtype, least, largest, name=name, window=window)
    return [scaled(split, scaling) for split in splits], said


def scaling_of(
    dtype: np.dtype,
    least: float,
    largest: float,
    *,
    name: str,
    window: str | tuple[float, ...] = "type",
) -> tuple[Scaling, str]:
    """The scaling of numbers of `dtype` between `least` and `largest` to float32.

    By type: floats are unchanged. Integers are divided by the largest value of their type,
    unless their maximum is 1: those are binary, like booleans, and stay 0 and 1. By a window
    `(low, high)`: its ends become 0 and 1, and values beyond are clipped.

    Returns:
        The scaling, and a message about it.

    Raises:
        InputError: negative integers without a window, and wide numbers that are not distinct
            in float32.
    """
    if not isinstance(window, str):
        low, high = window
        return Scaling(low, high, clip=True), f"Values: {ends(low, high)} become 0 to 1."
    if dtype.kind == "f":
        _require_steps(dtype, least, largest, name=name)
        return Scaling(0, 1), f"Values: {dtype.name} taken as they are."
    if least < 0:
        raise InputError(
            f"{name}: negative {dtype.name} values; integers from 0 up are wanted, or "
            f"data.window={least:g},{largest:g}"
        )
    if largest <= 1:
        return Scaling(0, 1), f"Values: {dtype.name} 0 and 1, binary."
    _require_steps(dtype, least, largest, name=name)
    top = int(np.iinfo(dtype).max)
    said = f"Values: {dtype.name} divided by {top}."
    if largest < FAINT * top:
        said += (
            f" The largest is only {largest}: store them in a smaller type if that is not meant."
        )
    return Scaling(0, top), said


def _require_steps(dtype: np.dtype, least: float, largest: float, *, name: str) -> None:
    """Checks that values without a window keep enough steps in float32.

    Raises:
        InputError: they do not; a window is applied in the precision of their type.
    """
    reach = max(abs(least), abs(largest))
    # `check_finite` reports numbers that are too large, with their example.
    if not is_wide(dtype) or not reach <= LARGEST or least == largest:
        return
    if not told_apart(least, largest, np.float32):
        raise InputError(
            f"{name}: {dtype.name} values from {ends(least, largest)}, too close together for "
            f"32-bit floats; data.window={least!s},{largest!s} is wanted"
        )


def ends(low: float, high: float) -> str:
    """`low to high`, with enough digits to distinguish them."""
    apart = max(abs(low), abs(high)) / (high - low) if low < high else 1.0
    digits = 6 + math.ceil(math.log10(apart)) if 10 < apart < 1e18 else 6
    return f"{low:.{digits}g} to {high:.{digits}g}"


def scaled(raw: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Raw numbers in the range of the model, float32."""
    if is_wide(raw.dtype) and (scaling.low, scaling.high) != (0, 1):
        values = less(raw, scaling.low) / (scaling.high - scaling.low)
        return _narrow(np.clip(values, 0, 1) if scaling.clip else values)
    values = _narrow(raw)
    if (scaling.low, scaling.high) != (0, 1):
        span = np.float32(scaling.high - scaling.low)
        values = (values - np.float32(scaling.low)) / span if scaling.low else values / span
    return np.clip(values, 0, 1) if scaling.clip else values


def check_finite(values: np.ndarray, indices: np.ndarray, *, name: str, way_out: str = "") -> None:
    """Checks that every value is finite.

    Args:
        values: `[n, *S, C]`.
        indices: `[n]`, position of each example in its source.
        name: of the source.
        way_out: a remedy, appended to the message.

    Raises:
        InputError: names the first example with NaN or infinity.
    """
    bad = ~finite_examples(values)
    if bad.any():
        first = int(indices[bad].min())
        example = values[int(np.flatnonzero(indices == first)[0])]
        holds = "NaN or infinity"
        if np.isfinite(example).all():
            holds = f"{example.flat[np.abs(example).argmax()]:g}, too large for 32 bits"
        raise InputError(
            f"{name}: example {first} holds {holds} ({int(bad.sum())} such "
            f"examples among those read); finite float32 values are wanted{way_out}"
        )


def finite_examples(values: np.ndarray) -> np.ndarray:
    """`[n, *S, C]` -> `[n]`, true if all values of an example are finite in float32."""
    finite = np.isfinite(values)
    if values.dtype.kind == "f" and is_wide(values.dtype):
        finite &= np.abs(values) <= LARGEST
    return finite.all(axis=tuple(range(1, values.ndim)))


def constant_examples(values: np.ndarray) -> np.ndarray:
    """`[n, *S, C]` -> `[n]`, true if every channel has one value over its observed pixels."""
    spatial = tuple(range(1, values.ndim - 1))
    # Both ignore NaN, pixels that were not observed.
    low, high = np.fmin.reduce(values, axis=spatial), np.fmax.reduce(values, axis=spatial)
    return ~(low < high).any(axis=-1)


def _narrow(values: np.ndarray) -> np.ndarray:
    # A float64 beyond float32 becomes infinity, which `check_finite` then reports.
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
