"""`Picture`: an open image, its numbers and a writer for its format."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.reading import describe

GREY, RGB, CMYK = "grey values", "RGB", "CMYK"


@dataclasses.dataclass(frozen=True)
class Picture:
    """An image in a file, open for reading; its numbers are read on demand.

    Attributes:
      path: the file.
      shape: `(H, W, C)`.
      dtype: as stored, including the byte order.
      meaning: of the numbers: `GREY`, `RGB`, `CMYK` or another interpretation.
      read: returns the numbers, `[H, W, C]` of `dtype`.
      write: `(target, pixels)` writes `target`, a copy of the file with new numbers.
      notes: properties of the file that `write` loses, without its name and a full stop.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    meaning: str
    read: Callable[[], np.ndarray]
    write: Callable[[Path, np.ndarray], None]
    notes: tuple[str, ...] = ()


def require_like(one: Picture, first: Picture) -> None:
    """Checks that two images can be examples of one stack.

    Raises:
      InputError: they differ in size, channels, type or meaning of the numbers.
    """
    kinds = [(it.shape, it.dtype.newbyteorder("="), it.meaning) for it in (one, first)]
    if kinds[0] == kinds[1]:
        return
    if one.meaning == first.meaning:
        came, but = "", ""
    else:
        came, but = f" ({one.meaning})", f" ({first.meaning})"
    raise InputError(
        f"{one.path}: {describe(one.shape)} of {one.dtype}{came}, but {first.path} is "
        f"{describe(first.shape)} of {first.dtype}{but}; all images of one size, channels and "
        "type are wanted"
    )
