"""Intervals of numbers over held-out examples, by resampling the examples."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

DRAWS, COVER = 1000, 0.95


class Interval(NamedTuple):
    """A number and the interval that covers it in 95 of 100 samples of examples."""

    value: float
    low: float
    high: float


def interval(values: np.ndarray, of: Callable[[np.ndarray], float]) -> Interval:
    """The interval of `of(values)`, a number of examples `values [n]`."""
    random = np.random.default_rng(0)
    drawn = [of(values[random.integers(len(values), size=len(values))]) for _ in range(DRAWS)]
    return _interval(of(values), drawn)


def difference(
    first: np.ndarray, second: np.ndarray, of: Callable[[np.ndarray], float], *, paired: bool
) -> Interval:
    """The interval of `of(second) - of(first)`.

    Args:
      paired: both measured the same examples, `[n]`, which are resampled together.
    """
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        rows = random.integers(len(first), size=len(first))
        others = rows if paired else random.integers(len(second), size=len(second))
        drawn.append(of(second[others]) - of(first[rows]))
    return _interval(of(second) - of(first), drawn)


def _interval(value: float, drawn: list[float]) -> Interval:
    low, high = np.quantile(drawn, [(1 - COVER) / 2, (1 + COVER) / 2])
    return Interval(float(value), float(low), float(high))
