"""Stacks whose axes are given by `data.axes`; results keep the order of the file."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.axes import ORDER, original, require_axes, standard
from avae_jax.data.formats.reading import require_memory
from avae_jax.data.formats.stack import Stack, spacing_of


def arranged(stack: Stack, axes: str) -> Stack:
    """`stack` as `[N, *S, C]`.

    If the examples are not along the first axis of the file, the whole file is read at once.

    Raises:
      InputError: axes that do not fit the stack.
    """
    if stack.move:
        raise InputError(f"data.axes={axes}: {stack.name} holds meshes, which have no such axes")
    # A single volume is an array with one axis less.
    lone = stack.shape[0] == 1 and len(axes) == len(stack.shape) - 1
    own = stack.shape[1:] if lone else stack.shape
    require_axes(axes, own, name=stack.name)
    like = np.broadcast_to(np.zeros((), stack.dtype), own)
    pixel = _moved(stack.pixel, axes, lone=lone)
    spacing = spacing_of(_moved(stack.spacing, axes, lone=lone))
    more: dict[str, Any] = {"pixel": pixel, "spacing": spacing, "said": axes}
    if lone:
        more |= {"notes": ()}
    shape = standard(like, axes).shape
    if axes[0] == "N" and not lone:
        read, write = _along(stack, axes)
    else:
        if shape[0] != stack.shape[0]:
            more |= {"keys": ()}
        read, write = _whole(stack, axes, own)
    return dataclasses.replace(stack, shape=shape, read=read, write=write, **more)


def _along(stack: Stack, axes: str) -> tuple[Callable, Callable]:
    """Functions that read and write piece by piece."""

    def read(start: int, stop: int) -> np.ndarray:
        return standard(stack.read(start, stop), axes)

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        stack.write(target, (original(part, axes) for part in parts))

    return read, write


def _whole(stack: Stack, axes: str, own: tuple[int, ...]) -> tuple[Callable, Callable]:
    """Functions that read and write the whole array at once."""
    count = stack.shape[0]
    require_memory(
        stack.name, stack.shape, stack.dtype.itemsize, way_out="store it with the examples first"
    )

    @functools.cache
    def held() -> np.ndarray:
        return standard(stack.read(0, count).reshape(own), axes)

    def read(start: int, stop: int) -> np.ndarray:
        return held()[start:stop]

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        def everything() -> Iterator[np.ndarray]:
            yield original(np.concatenate(list(parts)), axes).reshape(stack.shape)

        # Arrays that the format cannot hold fail here, before the parts are computed.
        stack.write(target, everything())

    return read, write


def _moved(sizes: tuple[float, ...], axes: str, *, lone: bool) -> tuple[float, ...]:
    """Pixel sizes on the axes of the stack, in the order of the axes of an example."""
    letters = axes if lone else axes.replace("N", "")
    if len(sizes) < len(letters):
        letters = letters.replace("C", "")
    if len(sizes) != len(letters):
        return ()
    along = dict(zip(letters, sizes, strict=True))
    return tuple(along[letter] for letter in ORDER[1:4] if letter in along)
