"""Numbers as sources store them -> float32, by one rule for every source."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.reading import require_numbers

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
        InputError: for a dtype that is no number, and negative integers.
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
        InputError: negative integers without a window.
    """
    if not isinstance(window, str):
        low, high = window
        return Scaling(low, high, clip=True), f"Values: {low:g} to {high:g} become 0 to 1."
    if dtype.kind == "f":
        return Scaling(0, 1), f"Values: {dtype.name} taken as they are."
    if least < 0:
        raise InputError(
            f"{name}: negative {dtype.name} values; integers from 0 up are wanted, or "
            f"data.window={least:g},{largest:g}"
        )
    if largest <= 1:
        return Scaling(0, 1), f"Values: {dtype.name} 0 and 1, binary."
    top = int(np.iinfo(dtype).max)
    said = f"Values: {dtype.name} divided by {top}."
    if largest < FAINT * top:
        said += (
            f" The largest is only {largest}: store them in a smaller type if that is not meant."
        )
    return Scaling(0, top), said


def scaled(raw: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Raw numbers as the model sees them, float32."""
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
        raise InputError(
            f"{name}: example {first} holds NaN or infinity ({int(bad.sum())} such "
            f"examples among those read); finite float32 values are wanted{way_out}"
        )


def finite_examples(values: np.ndarray) -> np.ndarray:
    """`[n, *S, C]` -> `[n]`, true where an example holds neither NaN nor infinity."""
    return np.isfinite(values).all(axis=tuple(range(1, values.ndim)))


def constant_examples(values: np.ndarray) -> np.ndarray:
    """`[n, *S, C]` -> `[n]`, true where every channel has one value everywhere."""
    spatial = tuple(range(1, values.ndim - 1))
    return (values.max(axis=spatial) == values.min(axis=spatial)).all(axis=-1)


def _narrow(values: np.ndarray) -> np.ndarray:
    # A float64 beyond float32 becomes infinity, which `check_finite` then reports.
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
