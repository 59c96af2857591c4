"""Data set in memory: training and test examples of one shape and range."""

from typing import NamedTuple

import numpy as np

from avae_jax.config.validation import interval
from avae_jax.core.errors import InputError


class Dataset(NamedTuple):
    """Training and test examples of one source, of one shape and one range.

    Both splits are in a seeded random order, so the first n examples are a fair sample.
    """

    train: np.ndarray  # [N, *S, C] float32, NaN where a pixel was not observed
    test: np.ndarray  # [M, *S, C] float32, likewise
    train_labels: np.ndarray | None  # [N] int32, indices into label_names
    test_labels: np.ndarray | None  # [M] int32
    label_names: tuple[str, ...]  # () without labels
    fill: np.ndarray  # [C] float32, the value outside the image
    binary: bool  # every value is 0 or 1
    notes: tuple[str, ...]  # sentences for the user
    masked: bool = False  # some pixels were not observed


def require_unit_interval(dataset: Dataset, likelihood: str) -> None:
    """Checks that a likelihood can score the values: Bernoulli needs values from 0 to 1.

    Raises:
        InputError: gives the minimum and maximum, the fill included.
    """
    parts = (dataset.train, dataset.test, dataset.fill)
    # Both ignore NaN, pixels that were not observed.
    low = min(float(np.fmin.reduce(part, axis=None)) for part in parts)
    high = max(float(np.fmax.reduce(part, axis=None)) for part in parts)
    require_range(low, high, likelihood)


def require_range(low: float, high: float, likelihood: str, *, name: str = "") -> None:
    """Checks that a likelihood can score values from `low` to `high`.

    Args:
        name: of the file or source, for the message.

    Raises:
        InputError: gives the minimum and maximum.
    """
    least, largest = interval(likelihood)
    if low < least or high > largest:
        raise InputError(
            f"{name + ': ' if name else ''}values from {low:g} to {high:g}: "
            f"model.likelihood={likelihood} wants [{least:g}, {largest:g}]; rescale the data, "
            "or train with data.window=low,high or model.likelihood=gaussian"
        )
