"""One look at all of a stack before any of it is aligned."""

import hashlib
import math
from typing import NamedTuple

import numpy as np

from avae_jax.core.progress import progress_bar
from avae_jax.data.formats import Stack, blocks
from avae_jax.data.intensity import check_finite

BYTES = 2**25  # looked at together


class Survey(NamedTuple):
    """What there is to know of the values of a stack.

    Attributes:
      digest: SHA-256 of the numbers in their order.
      mean: `[*S, C]` float64, the mean of all examples.
    """

    least: float
    largest: float
    digest: str
    mean: np.ndarray


def survey(stack: Stack) -> Survey:
    """Reads a stack once.

    Raises:
      InputError: an example holds NaN or infinity, or cannot be read.
    """
    count, least, largest = stack.shape[0], [], []
    digest = hashlib.sha256(f"{stack.shape} {stack.dtype.str}".encode())
    total = np.zeros(stack.example)
    with progress_bar(total=count, desc="reading", unit="example") as bar:
        for start, stop in blocks(count, piece(stack)):
            raw = stack.raw(start, stop)
            check_finite(raw, np.arange(start, stop), name=stack.name)
            digest.update(np.ascontiguousarray(raw).data)
            least.append(raw.min())
            largest.append(raw.max())
            total += raw.sum(0, dtype=np.float64)
            bar.update(stop - start)
    return Survey(min(least).item(), max(largest).item(), digest.hexdigest(), total / count)


def piece(stack: Stack) -> int:
    """How many examples are read together where nothing else decides."""
    return max(1, BYTES // (math.prod(stack.example) * stack.dtype.itemsize))
