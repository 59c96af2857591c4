"""Examples stored contiguously in a file, after a header."""

import math
from collections.abc import Callable, Iterable
from typing import IO, NamedTuple

import numpy as np

from avae_jax.core.errors import InputError

COPIED = 2**20  # bytes of a header that are copied at once


class Layout(NamedTuple):
    """Position of the numbers in a file.

    Attributes:
      offset: bytes before the first example.
      shape: `(N, *rest)`.
      order: memory order of one example, `C` or (first axis fastest) `F`.
    """

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    order: str = "C"

    @property
    def size(self) -> int:
        """Bytes of one example."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def reader(stream: IO[bytes], layout: Layout, *, name: str) -> Callable[[int, int], np.ndarray]:
    """`(start, stop) -> [stop - start, *rest]` from an open file.

    The stream may be compressed: reading forwards is then cheap, seeking back is not.
    """

    def read(start: int, stop: int) -> np.ndarray:
        count = stop - start
        stream.seek(layout.offset + start * layout.size)
        body = stream.read(count * layout.size)
        if len(body) < count * layout.size:
            raise InputError(
                f"{name}: ends within its {layout.shape[0]} examples; a complete file is wanted"
            )
        flat = np.frombuffer(body, layout.dtype)
        rest = layout.shape[1:]
        if layout.order == "C":
            return flat.reshape(count, *rest)
        reverse = (0, *range(len(rest), 0, -1))
        return flat.reshape(count, *rest[::-1]).transpose(reverse)

    return read


def copy_head(source: IO[bytes], target: IO[bytes], layout: Layout) -> None:
    """Copies all bytes before the first example."""
    source.seek(0)
    left = layout.offset
    while left:
        part = source.read(min(left, COPIED))
        if not part:
            raise InputError("it ends within its header; a complete file is wanted")
        target.write(part)
        left -= len(part)


def write_examples(target: IO[bytes], parts: Iterable[np.ndarray], layout: Layout) -> None:
    """Writes examples `[n, *rest]` one after the other."""
    for part in parts:
        if layout.order == "F":
            part = part.transpose(0, *range(part.ndim - 1, 0, -1))
        target.write(np.ascontiguousarray(part, layout.dtype).data)
