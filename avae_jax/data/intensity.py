"""Intensities: raw numbers to float32, by the same rule for every source."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.reading import require_numbers
from avae_jax.data.precision import LARGEST, is_wide, less, told_apart

# Below this share of its type's range an integer image is all but black: most often
# 0..255 stored in a wide type.
FAINT = 0.01


class Scaling(NamedTuple):
    """Raw numbers that the model sees as 0 and as 1; `clip` where what lies beyond is cut."""

    low: float
    high: float
    clip: bool = False


def to_float(
    splits: Sequence[np.ndarray], *, name: str, window: str | tuple[float, ...] = "type"
) -> tuple[list[np.ndarray], str]:
    """Raw numbers -> float32, the same way for every split (see `scaling_of`).

    Args:
        splits: arrays `[n, *S, C]` of one dtype.
        name: of the source, for errors.

    Returns:
        The float32 arrays, and a sentence that says what was done.

    Raises:
        InputError: see `scaling_of`; a dtype that is no number.
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
    """How numbers of `dtype` between `least` and `largest` become float32.

    By their type: floats are taken as they are. Integers are divided by the largest value
    of their type, unless their largest value is 1: those are binary, like booleans, and
    stay 0 and 1. By a window `(low, high)`: these become 0 and 1, what lies beyond is cut.

    Returns:
        The scaling, and a sentence that says so.

    Raises:
        InputError: negative integers without a window, and wide numbers that float32 does not
            tell apart.
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
    """Checks that values without a window do not become a few steps.

    Raises:
        InputError: they would, as float32; a window comes off in their own precision.
    """
    reach = max(abs(least), abs(largest))
    # What is too large is said of the example that holds it.
    if not is_wide(dtype) or not reach <= LARGEST or least == largest:
        return
    if not told_apart(least, largest, np.float32):
        raise InputError(
            f"{name}: {dtype.name} values from {ends(least, largest)}, nearly one and the same in "
            f"the 32 bits that a model sees; data.window={least!s},{largest!s} is wanted"
        )


def ends(low: float, high: float) -> str:
    """`low to high`, with the digits that tell them apart."""
    apart = max(abs(low), abs(high)) / (high - low) if low < high else 1.0
    digits = 6 + math.ceil(math.log10(apart)) if 10 < apart < 1e18 else 6
    return f"{low:.{digits}g} to {high:.{digits}g}"


def scaled(raw: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Raw numbers as the model sees them, float32."""
    if is_wide(raw.dtype) and (scaling.low, scaling.high) != (0, 1):
        values = less(raw, scaling.low) / (scaling.high - scaling.low)
        return _narrow(np.clip(values, 0, 1) if scaling.clip else values)
    values = _narrow(raw)
    if (scaling.low, scaling.high) != (0, 1):
        span = np.float32(scaling.high - scaling.low)
        values = (values - np.float32(scaling.low)) / span if scaling.low else values / span
    return np.clip(values, 0, 1) if scaling.clip else values


def check_finite(values: np.ndarray, indices: np.ndarray, *, name: str, way_out: str = "") -> None:
    """Checks every value.

    Args:
        values: `[n, *S, C]`.
        indices: `[n]`, where each example stands in its source.
        name: of the source.
        way_out: what else could be done about it, after what is wanted.

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
    """`[n, *S, C]` -> `[n]`, true where all of an example are numbers that float32 can hold."""
    finite = np.isfinite(values)
    if values.dtype.kind == "f" and is_wide(values.dtype):
        finite &= np.abs(values) <= LARGEST
    return finite.all(axis=tuple(range(1, values.ndim)))


def constant_examples(values: np.ndarray) -> np.ndarray:
    """`[n, *S, C]` -> `[n]`, true where every channel has one value where it was observed."""
    spatial = tuple(range(1, values.ndim - 1))
    # Both leave out NaN, pixels that were not observed.
    low, high = np.fmin.reduce(values, axis=spatial), np.fmax.reduce(values, axis=spatial)
    return ~(low < high).any(axis=-1)


def _narrow(values: np.ndarray) -> np.ndarray:
    # A float64 beyond float32 becomes infinity, which `check_finite` then reports.
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
