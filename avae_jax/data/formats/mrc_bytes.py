"""Sign of bytes in MRC files (mode 0): many programs write them unsigned."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# IMOD declares the sign in two words of the header: its stamp, and flags with one for signed.
STAMP, PLACE, SIGNED = 1146047817, 152, 1
PLANES, FILES = 16, 8  # sampled in files without a declared sign
CLEAR = 1.1  # ratio of roughness from which one reading is clearly wrong


class Sign(NamedTuple):
    """Whether bytes are signed, and the reason."""

    signed: bool
    why: str

    @property
    def dtype(self) -> np.dtype:
        """The type of the numbers."""
        return np.dtype(np.int8 if self.signed else np.uint8)

    @property
    def note(self) -> str:
        """A message."""
        kind = "signed, -128 to 127" if self.signed else "unsigned, 0 to 255"
        return f"Bytes (MRC mode 0) are read as {kind}: {self.why}."


def stamped(path: Path) -> Sign | None:
    """The sign by IMOD's stamp in the header of a file, `None` without a stamp."""
    with path.open("rb") as stream:
        words = stream.read(PLACE + 8)[PLACE:]
    for order in "<>":
        stamp, flags = np.frombuffer(words, order + "i4")
        if stamp == STAMP:
            return Sign(bool(flags & SIGNED), "IMOD's flag says so")
    return None


def looked_at(planes: Sequence[np.ndarray], least: float, largest: float) -> Sign:
    """The sign of bytes without a flag.

    With the wrong sign, values that rise smoothly past the middle of the range jump by the
    whole range.

    Args:
      planes: uint8 images.
      least, largest: minimum and maximum in the header.
    """
    if least >= 0 and 127 < largest < math.inf:
        return Sign(False, "the header says that they exceed 127")
    found = np.unique(np.concatenate([np.unique(plane) for plane in planes]))
    if found[-1] < 128:
        return Sign(True, "none is above 127")
    if found[0] == 0 and len(found) == 2:
        return Sign(False, "they are one value on a background of 0")
    unsigned, signed = (
        sum(_roughness(plane.view(kind)) for plane in planes) for kind in (np.uint8, np.int8)
    )
    why = "judged by their histogram, without a flag of IMOD"
    if max(unsigned, signed) > CLEAR * min(unsigned, signed):
        return Sign(signed < unsigned, why)
    if found[0] >= 128 and not least < 0:
        return Sign(False, why)
    return Sign(True, "by the standard, without a flag of IMOD")


def planes_of(path: Path, offset: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Some planes of the bytes in a file, evenly spaced."""
    if offset + math.prod(shape) > path.stat().st_size or not math.prod(shape):
        return []  # the reader reports damage
    planes: Any = np.memmap(path, np.uint8, "r", offset, shape).reshape(-1, *shape[-2:])
    places = np.unique(np.linspace(0, len(planes) - 1, PLANES).round().astype(int))
    return [np.array(planes[place]) for place in places]


def _roughness(plane: np.ndarray) -> int:
    """Sum of the detours of values between pixels next but one."""
    total = 0
    for values in (plane.astype(np.int64), plane.astype(np.int64).T):
        first, middle, last = values[:-2], values[1:-1], values[2:]
        total += int((abs(first - middle) + abs(middle - last) - abs(first - last)).sum())
    return total
