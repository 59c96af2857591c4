"""Statistics of a whole stack: range, mean, digest, pixels that were not observed."""

import hashlib
import math
from typing import Any, NamedTuple

import numpy as np

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
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

BYTES = 2**24  # read at once


class Survey(NamedTuple):
    """Statistics of the values of a stack.

    Attributes:
      digest: SHA-256 of the numbers in their order.
      mean: `[*S, C]` float64, the mean over the observed pixels of all examples.
      missing: values of pixels that were not observed.
      gone: number of pixels that were not observed.
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
    """Reads a stack once, and again if a no-data value is detected in it.

    Raises:
      InputError: an example holds infinity or a NaN that does not mark missing pixels, or
        cannot be read; or no pixel was observed.
    """
    # The options decide before the first read whether NaN is allowed.
    begun = missing_of(data, stack.dtype, {}, declared=stack.nodata)
    looked, ends = _look(stack, begun, first=True)
    missing = missing_of(data, stack.dtype, ends, declared=stack.nodata)
    huge = max(abs(looked.least), abs(looked.largest)) > LARGEST
    if missing.value != begun.value or huge:
        looked, _ = _look(stack, missing)
    return looked


def mean_of(total: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The mean over observed pixels, `total / seen`; NaN where none was observed."""
    return np.divide(total, seen, where=seen > 0, out=np.full(total.shape, np.nan))


def _look(stack: Stack, missing: Missing, *, first: bool = False) -> tuple[Survey, Ends]:
    """The statistics if `missing` marks pixels that were not observed; and the ends.

    Args:
      first: numbers that are too large are allowed, as they may turn out to be no-data values.
    """
    count, least, largest, ends = stack.shape[0], [], [], Ends()
    digest = _begun(stack)
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
            # If a huge number turns out to be the no-data value, the stack is read again.
            with np.errstate(over="ignore"):
                total += (raw if gone is None else np.where(gone, 0, raw)).sum(0, dtype=np.float64)
            bar.update(stop - start)
    gone = count * total.size - int(seen.sum())
    note = note_of(missing, gone, count * total.size, name=stack.name)
    mean = mean_of(total, seen)
    found = Survey(min(least), max(largest), digest.hexdigest(), mean, missing, gone, note)
    return found, ends


def _begun(stack: Stack) -> Any:
    """The digest of a stack of which nothing was read yet."""
    return hashlib.sha256(f"{stack.shape} {stack.dtype.str}".encode())


def require_unchanged(stack: Stack, digest: str) -> None:
    """Reads a stack again, which must hold what it held when `digest` was found.

    Raises:
      InputError: it holds something else, or can no longer be read.
    """
    found = _begun(stack)
    for start, stop in blocks(stack.shape[0], piece(stack)):
        found.update(np.ascontiguousarray(stack.raw(start, stop)).data)
    if found.hexdigest() != digest:
        raise InputError(
            f"{stack.name}: changed while it was aligned; wait until it is written, then say "
            "--overwrite"
        )


def _infinite(raw: np.ndarray) -> np.ndarray | None:
    """`raw` with 0 for finite numbers; `None`, without allocation, if all are finite."""
    finite = np.isfinite(raw)
    return None if finite.all() else np.where(finite, 0, raw)


def piece(stack: Stack) -> int:
    """Default number of examples to read at once."""
    return max(1, BYTES // (math.prod(stack.example) * stack.dtype.itemsize))
