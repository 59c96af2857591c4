"""`data.axes`: letters of the axes of an array, and their order [N, *S, C]."""

from collections.abc import Sequence

import numpy as np

from avae_jax.core.errors import InputError

# Standard order: examples, depth, height, width, channels.
ORDER = "NDHWC"
FEW = 3  # sides of one image differ by less than this factor
SHORT = 6  # the only side shorter than this is more likely channels


def require_axes(axes: str, shape: tuple[int, ...], *, name: str) -> None:
    """Checks that `axes` can describe an array.

    Raises:
      InputError: unknown or missing letters, or another number of axes.
    """
    letters = set(axes)
    if len(letters) < len(axes) or not set("NHW") <= letters <= set(ORDER):
        raise InputError(f"data.axes={axes}: N, H, W and perhaps D and C are wanted, each once")
    if len(axes) != len(shape):
        raise InputError(
            f"data.axes={axes}: {len(axes)} axes, but {name} has {len(shape)}, {shape}"
        )


def standard(array: np.ndarray, axes: str) -> np.ndarray:
    """An array with the axes `axes` as `[N, *S, C]`, a view."""
    turned = array.transpose([axes.index(letter) for letter in ORDER if letter in axes])
    return turned if "C" in axes else turned[..., None]


def original(array: np.ndarray, axes: str) -> np.ndarray:
    """The inverse of `standard`."""
    kept = [letter for letter in ORDER if letter in axes]
    turned = array if "C" in axes else array[..., 0]
    return turned.transpose([kept.index(letter) for letter in axes])


def hint(shape: tuple[int, ...]) -> str:
    """A hint at another `data.axes`, if the lengths of the axes `(N, ...)` suggest one."""
    first, *inner = shape
    if len(shape) == 3:
        last = first == inner[0] != inner[1] or FEW * max(first, inner[0]) <= inner[1]
        return " (data.axes=HWN if the last axis counts the images)" if last else ""
    if len(shape) not in (4, 5) or 0 in shape:
        return ""
    sides = "HW" if len(shape) == 4 else "DHW"
    if _is_few(inner[0], inner[1:]):
        return f" (data.axes=NC{sides} if the second axis holds channels)"
    if len(shape) == 4 and _is_few(inner[-1], inner[:-1]):
        return " (data.axes=NHWC if the last axis holds channels)"
    return ""


def _is_few(side: int, others: Sequence[int]) -> bool:
    return FEW * side <= min(others) or side < SHORT <= min(others)
