"""Statistics of a whole stack: range, mean, digest, pixels that were not observed."""

import hashlib
import math
from typing import NamedTuple

import numpy as np

from avae_jax.config.options import DataOptions
from avae_jax.core.progress import progress_bar
from avae_jax.data.formats import Stack, blocks
from avae_jax.data.missing import (
    Ends,
    Missing,
    ends_of,
    hidden,
    missing_of,
    note_of,
    require_observed,
)
from avae_jax.data.precision import LARGEST

BYTES = 2**24  # looked at together


class Survey(NamedTuple):
    """What there is to know of the values of a stack.

    Attributes:
      digest: SHA-256 of the numbers in their order.
      mean: `[*S, C]` float64, the mean of all examples where they were observed.
      missing: what stands for pixels that were not observed.
      gone: how many of them there are.
      note: a sentence about them, or nothing.
    """

    least: float
    largest: float
    digest: str
    mean: np.ndarray
    missing: Missing
    gone: int
    note: str


def survey(stack: Stack, data: DataOptions) -> Survey:
    """Reads a stack once, and again where a number is found to stand for what was not observed.

    Raises:
      InputError: an example holds infinity, or NaN that does not stand for that, or cannot be
        read; nothing was observed.
    """
    # Whether NaN may be is known before anything is read.
    begun = missing_of(data, stack.dtype, {}, declared=stack.nodata)
    looked, ends = _look(stack, begun, first=True)
    missing = missing_of(data, stack.dtype, ends, declared=stack.nodata)
    huge = max(abs(looked.least), abs(looked.largest)) > LARGEST
    if missing.value != begun.value or huge:
        looked, _ = _look(stack, missing)
    return looked


def mean_of(total: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The mean of what was observed, `total / seen`; NaN where nothing was."""
    return np.divide(total, seen, where=seen > 0, out=np.full(total.shape, np.nan))


def _look(stack: Stack, missing: Missing, *, first: bool = False) -> tuple[Survey, Ends]:
    """What there is to know where `missing` stands for what was not observed; and the ends.

    Args:
      first: numbers that are too large may yet be found to stand for that.
    """
    count, least, largest, ends = stack.shape[0], [], [], Ends()
    digest = hashlib.sha256(f"{stack.shape} {stack.dtype.str}".encode())
    total, seen = np.zeros(stack.example), np.zeros(stack.example, int)
    with progress_bar(total=count, desc="reading", unit="example") as bar:
        for start, stop in blocks(count, piece(stack)):
            raw = stack.raw(start, stop)
            places = np.arange(start, stop)
            values = _infinite(raw) if first else raw
            if values is not None:
                require_observed(values, places, name=stack.name, missing=missing)
            digest.update(np.ascontiguousarray(raw).data)
            ends = ends_of(raw, ends)
            gone = hidden(raw, missing)
            known = raw if gone is None else raw[~gone]
            least += [known.min().item()] if known.size else []
            largest += [known.max().item()] if known.size else []
            seen += stop - start if gone is None else (~gone).sum(0)
            # Where a huge number was not yet known to stand for something, this is read again.
            with np.errstate(over="ignore"):
                total += (raw if gone is None else np.where(gone, 0, raw)).sum(0, dtype=np.float64)
            bar.update(stop - start)
    gone = count * total.size - int(seen.sum())
    note = note_of(missing, gone, count * total.size, name=stack.name)
    mean = mean_of(total, seen)
    found = Survey(min(least), max(largest), digest.hexdigest(), mean, missing, gone, note)
    return found, ends


def _infinite(raw: np.ndarray) -> np.ndarray | None:
    """`raw` with 0 for all that is finite; `None`, and no memory taken, where all is."""
    finite = np.isfinite(raw)
    return None if finite.all() else np.where(finite, 0, raw)


def piece(stack: Stack) -> int:
    """How many examples are read together where nothing else decides."""
    return max(1, BYTES // (math.prod(stack.example) * stack.dtype.itemsize))
