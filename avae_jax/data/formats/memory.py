"""Stacks of arrays in memory."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.arranged import arranged
from avae_jax.data.formats.reading import require_numbers
from avae_jax.data.formats.stack import Stack, checked


def memory_stack(
    images: np.ndarray, labels: np.ndarray | None = None, *, name: str = "images", axes: str = ""
) -> Stack:
    """An array as a stack, as an npy file of it would be read.

    Args:
      images: `[n, H, W(, C)]` or `[n, D, H, W(, C)]`, of any type of numbers.
      labels: `[n]`, integers or texts.
      name: of the array, for sentences.
      axes: what they are (see `data.axes`), by default as they look.

    Raises:
      InputError: no array of images or volumes.
    """
    array = numbers(images, name=name)

    def read(start: int, stop: int) -> np.ndarray:
        return array[start:stop]

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        raise NotImplementedError("an array in memory has no format")

    known = None if labels is None else np.asarray(labels)
    stack = Stack(
        Path(name),
        array.shape,
        array.dtype,
        read,
        write,
        labels=lambda: (known, ""),
        source=f"array:{_digest(array, known)}",
    )
    if array.ndim not in (3, 4, 5):
        return checked(stack)  # says what is wanted
    return checked(arranged(stack, axes) if axes else stack)


def numbers(images: object, *, name: str) -> np.ndarray:
    """`images` as an array that is not copied where it is one.

    Raises:
      InputError: lists of unequal lengths, or no numbers.
    """
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise InputError(f"{name}: lists of unequal lengths, wanted an array") from error
    if array.dtype.kind == "V" and array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.hasobject:
        came = type(images).__name__ if array.ndim == 0 else f"an array of {array.dtype}"
        raise InputError(f"{name}: {came}; an array of numbers is wanted")
    require_numbers(array.dtype, name=name)
    return array


def _digest(array: np.ndarray, labels: np.ndarray | None) -> str:
    """Sixteen digits that tell arrays apart, and their labels."""
    digest = hashlib.sha256()
    for each in (array,) if labels is None else (array, labels):
        digest.update(f"{each.shape} {each.dtype.str}".encode())
        digest.update(np.ascontiguousarray(each).data)
    return digest.hexdigest()[:16]
