"""`Source`: the splits, labels and notes that a reader returns."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Examples(NamedTuple):
    """One split as its source stores it.

    `read` maps indices `[n]` to raw numbers `[n, *S, C]` (any numeric dtype) and labels
    `[n]` in `0..len(label_names)-1`, or None. With `data.limit` the rest is never read.
    """

    count: int  # type: ignore[assignment]  # a tuple has a method of that name
    read: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]


class Source(NamedTuple):
    """A source with its own test split, or with `test=None` to hold out a part."""

    train: Examples
    test: Examples | None
    label_names: tuple[str, ...]  # () without labels
    notes: tuple[str, ...]
    spacing: tuple[float, ...] = ()  # pixel size on each axis relative to the smallest, if unequal
    nodata: float | None = None  # the no-data value that the source declares
