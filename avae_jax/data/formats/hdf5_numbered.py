"""HDF5 files with one numbered data set for each image, the layout of EMAN2.

EMAN2 stores an image at `MDF/images/17/image` and its metadata in attributes of the group
around it. Images of few bits are integers with a scale for each image.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from avae_jax.core.errors import InputError

EMAN = "MDF/images/"
BITS, LOW, HIGH = (f"EMAN.stored_render{what}" for what in ("bits", "min", "max"))
STATISTICS: dict[str, Any] = {
    "minimum": np.min,
    "maximum": np.max,
    "mean": np.mean,
    "sigma": np.std,
}


class Numbered(NamedTuple):
    """Data sets of one example each.

    Attributes:
      folder: common prefix of the names.
      names: in the order of their numbers.
      shape: of one example, without leading axes of length 1.
      dtype: of the examples after reading.
    """

    folder: str
    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype


def numbered(numeric: dict[str, Any], stacks: list[str], path: Path) -> Numbered | None:
    """The only set of numbered data sets of one example each, `None` without one.

    Args:
      numeric: candidate data sets.
      stacks: data sets that could be a stack alone; they must be in the set.

    Raises:
      InputError: examples of one set that differ in size or type.
    """
    sets: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name, item in numeric.items():
        parts = re.fullmatch(r"(.*?)(\d+)(\D*)", name)
        if parts and item.ndim in (2, 3, 4):
            sets.setdefault((parts[1], parts[3]), []).append((int(parts[2]), name))
    there = {
        first: [name for _, name in sorted(some)]
        for (first, _), some in sets.items()
        if (len(some) > 1 or first == EMAN) and set(stacks) <= {name for _, name in some}
    }
    if len(there) != 1:
        return None
    ((folder, names),) = there.items()
    first = numeric[names[0]]
    for name in names:
        if (numeric[name].shape, numeric[name].dtype) != (first.shape, first.dtype):
            raise InputError(
                f"{path}: {name} {numeric[name].shape} {numeric[name].dtype}, but {names[0]} is "
                f"{first.shape} {first.dtype}; all of one size and type are wanted"
            )
    shape = first.shape[1:] if first.ndim > 2 and first.shape[0] == 1 else first.shape
    packed = any(_scale(numeric[name]) for name in names)
    dtype = np.dtype(np.float32) if packed else first.dtype
    return Numbered(folder.rstrip("/"), tuple(names), shape, dtype)


def read_one(item: Any, like: Numbered) -> np.ndarray:
    """The example `[*like.shape]` that a data set holds."""
    values, scale = item[()].reshape(like.shape), _scale(item)
    if scale is None:
        return values
    low, high, most = scale
    return (values / most * (high - low) + low).astype(like.dtype)


def write_one(item: Any, example: np.ndarray) -> None:
    """Writes a new example into a data set, and its statistics into the attributes."""
    about, scale = item.parent.attrs, _scale(item)
    if scale is not None:
        # The range is set for each image, so that the new image is not clipped.
        low, high = float(example.min()), float(example.max())
        high = high if high > low else low + 1.0
        about.modify(LOW, low)
        about.modify(HIGH, high)
        values = np.round((example.astype(np.float64) - low) / (high - low) * scale[2])
    else:
        values = example
    item[...] = values.reshape(item.shape)
    for name, measure in STATISTICS.items():
        if f"EMAN.{name}" in about:
            about.modify(f"EMAN.{name}", float(measure(example.astype(np.float64))))


def _scale(item: Any) -> tuple[float, float, float] | None:
    """(low, high, largest integer) of an image of few bits."""
    if not PurePosixPath(item.name).match(f"/{EMAN}*/image"):
        return None
    about = item.parent.attrs
    bits = int(about.get(BITS, 0))
    if item.dtype.kind not in "iu" or not 0 < bits <= 16 or LOW not in about or HIGH not in about:
        return None
    low, high = float(about[LOW]), float(about[HIGH])
    return (low, high, float(2**bits - 1)) if high != low else None
