"""`Stack`: an open stack, read in pieces, and a writer for its format."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.axes import hint
from avae_jax.data.formats.npy_header import MOST_CHANNELS, with_channels
from avae_jax.data.formats.reading import describe, require_held
from avae_jax.data.formats.relion_particles import Particles

LEAST_SIDE = 4
MOST_BYTES = 2**31  # of one example
MOST_OBLONG = 50  # a larger ratio of pixel sizes is more likely a wrong header
# Relative difference below which pixel sizes are equal: they are quotients of rounded numbers.
SAME = 1e-3


@dataclasses.dataclass(frozen=True)
class Stack:
    """N examples in a file or a folder, open for reading; examples are read on demand.

    Attributes:
      path: the file or folder.
      shape: `(N, *rest)`, as stored.
      dtype: as stored, including the byte order.
      read: `(start, stop) -> [stop - start, *rest]`; fastest in increasing order.
      write: `(target, parts)` writes `target`, a copy of the stack with new values.
        `parts` holds N examples in order, in arrays `[n, *rest]` of `dtype`.
      member: name of the array in a file of several arrays.
      choice: the text `choice`, if `PATH:choice` is another stack than `PATH`.
      keys: a name for each example, if examples have names.
      pixel: pixel size on each axis of an example in Angstrom, 0 if unknown; `()` for formats
        without pixel sizes.
      move: `(target, poses)` writes `target`, a copy of the stack with moved shapes. Only for
        formats of shapes, which `read` converts to pixels. `poses` are N matrices
        `[d + 1, d + 1]` in the frame of an example.
      notes: messages about omitted data, properties that `write` loses, and the reading.
      spacing: pixel size on each axis of an example relative to the smallest, `()` if all
        are equal or unknown.
      apart: the axes by the metadata of the file, if its shape suggests others.
      said: the axes by `data.axes`; the last are then channels.
      images: RELION's name of each example, if a table names them.
      particles: this table, which gets the poses.
      nodata: the no-data value that the file declares; may be NaN.
      labels: reads the labels `[N]` of the examples, None without labels. The second value is a
        message about labels that are not read, or "".
      source: how `data.source` names the stack, if it does not lie at `path`.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[int, int], np.ndarray]
    write: Callable[[Path, Iterable[np.ndarray]], None]
    member: str = ""
    choice: str = ""
    keys: tuple[str, ...] = ()
    pixel: tuple[float, ...] = ()
    move: Callable[[Path, Iterable[np.ndarray]], None] | None = None
    notes: tuple[str, ...] = ()
    spacing: tuple[float, ...] = ()
    apart: str = ""
    said: str = ""
    images: tuple[str, ...] = ()
    particles: Particles | None = None
    nodata: float | None = None
    labels: Callable[[], tuple[np.ndarray | None, str]] = lambda: (None, "")
    source: str = ""

    @property
    def name(self) -> str:
        """The name of the stack in messages."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @property
    def result_name(self) -> str:
        """The name of the result: the name of the input, except for a table."""
        return f"{self.path.stem}.mrcs" if self.particles else self.path.name

    @property
    def bytes(self) -> int:
        """Size of all examples."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def example(self) -> tuple[int, ...]:
        """`[*S, C]`, the shape of one example with its channels last."""
        return self._read_as()[0]

    @property
    def note(self) -> str:
        """A message about the reading of the axes."""
        return self._read_as()[1]

    def key(self, index: int) -> str:
        """The name of one example in tables."""
        if self.keys:
            return self.keys[index]
        member = f":{self.member}" if self.member else ""
        return f"{self.path.name}{member}[{index}]"

    def raw(self, start: int, stop: int) -> np.ndarray:
        """Examples `[stop - start, *S, C]` with the stored values."""
        return self.read(start, stop).reshape(stop - start, *self.example)

    def _read_as(self) -> tuple[tuple[int, ...], str]:
        if self.said:
            shape = self.shape[1:]
            return shape, f"{describe(shape)} is read by data.axes={self.said}, channels last."
        # Only the axes matter here, so one number is broadcast to all.
        like = np.broadcast_to(np.zeros((), self.dtype), self.shape)
        images, note = with_channels(like, name=self.name)
        return images.shape[1:], note


def checked(stack: Stack) -> Stack:
    """`stack` unchanged if its examples can be images or volumes.

    Raises:
      InputError: no examples, sides that are too short, values that are not numbers, or
        another rank.
    """
    if min(stack.shape, default=0) < 0:
        raise InputError(f"{stack.name}: an array of {stack.shape}; sides are numbers from 0 up")
    example = stack.example
    if not stack.shape[0]:
        raise InputError(f"{stack.name}: no examples in it; at least one is wanted")
    if min(example[:-1]) < LEAST_SIDE or not example[-1]:
        meant = "" if stack.said else hint(stack.shape)
        raise InputError(
            f"{stack.name}: examples of {describe(example)}, channels last; sides of at least "
            f"{LEAST_SIDE} and at least one channel are wanted{meant}"
        )
    if max(stack.spacing, default=1) > MOST_OBLONG:
        sizes = describe(tuple(f"{one:g}" for one in stack.spacing))
        raise InputError(
            f"{stack.name}: pixels of {sizes}; at most {MOST_OBLONG} times as long on one axis as "
            "on another are wanted: resample it"
        )
    _require_bounds(stack)
    return stack


def volumes_axes(shape: tuple[int, ...]) -> str:
    """`Stack.apart` of a format in which four axes always mean volumes."""
    return "NDHW" if len(shape) == 4 and shape[-1] <= MOST_CHANNELS else ""


def spacing_of(sizes: Sequence[float]) -> tuple[float, ...]:
    """Pixel size on each axis relative to the smallest; `()` if equal or not all known."""
    known = all(0 < size < math.inf for size in sizes)
    if not sizes or not known or max(sizes) - min(sizes) <= SAME * max(sizes):
        return ()
    return tuple(float(size) / float(min(sizes)) for size in sizes)


def spacing_note(spacing: tuple[float, ...]) -> str:
    """A message about pixel sizes that differ between axes."""
    sizes = describe(tuple(f"{one:.4g}" for one in spacing))
    return f"Pixels are {sizes}: the model sees the object resampled to one pixel size."


def _require_bounds(stack: Stack) -> None:
    """Checks sizes before memory is allocated."""
    size = stack.bytes // stack.shape[0]
    if size > MOST_BYTES:
        raise InputError(
            f"{stack.name}: examples of {size / 2**30:.0f} GiB; at most {MOST_BYTES / 2**30:.0f} "
            "are wanted"
        )
    if not stack.source and stack.path.is_file() and not stack.particles:
        require_held(stack.path, stack.bytes)


def blocks(count: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of pieces of at most `size` that make up `0..count-1`."""
    for start in range(0, count, size):
        yield start, min(start + size, count)
