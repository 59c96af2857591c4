"""`stack:PATH`, also written `npz:PATH` and `npy:PATH`: any stack that can be aligned."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from avae_jax.data.formats.opening import open_stack
from avae_jax.data.formats.reading import require_memory
from avae_jax.data.formats.stack import Stack
from avae_jax.data.sources.base import Examples, Source
from avae_jax.data.sources.labels import check_labels, index_labels

RUN = 2**26  # bytes of neighbouring examples that are read at once


def read_stack(text: str, axes: str = "") -> Source:
    """The examples of a stack, and its labels if it has any; examples are read on demand.

    Args:
        text: the argument of `open_stack`.
        axes: the letters of `data.axes`, by default from the metadata or the shape.
    """
    return stack_source(lambda: open_stack(text, axes))


def stack_source(opened: Callable[[], AbstractContextManager[Stack]]) -> Source:
    """The examples and labels of a stack, which is opened for each reading."""
    with opened() as stack:
        count, name = stack.shape[0], stack.name
        labels, said = stack.labels()
        notes = (stack.note, *stack.notes, *filter(None, (said,)))
        more: dict[str, Any] = {"spacing": stack.spacing, "nodata": stack.nodata}
    names: tuple[str, ...] = ()
    if labels is not None:
        (labels,), names = index_labels(check_labels(labels, count, name=name))
    examples = stack_examples(opened, count, labels)
    return Source(examples, None, names, notes, **more)


def stack_examples(
    opened: Callable[[], AbstractContextManager[Stack]], count: int, labels: np.ndarray | None
) -> Examples:
    """The `count` examples of a stack, which is opened for each read.

    Args:
        labels: `[count]` indices into the names of the labels, None without labels.
    """

    def read(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        with opened() as stack:
            shape = (len(indices), *stack.example)
            require_memory(stack.name, shape, 4, way_out="set data.limit to read fewer")
            examples = np.empty(shape, stack.dtype)
            size = stack.bytes // stack.shape[0]
            for places in _runs(indices, most=max(1, RUN // max(1, size))):
                start = int(indices[places[0]])
                examples[places] = stack.raw(start, start + len(places))
        return examples, None if labels is None else labels[indices]

    return Examples(count, read)


def _runs(indices: np.ndarray, *, most: int) -> Iterator[np.ndarray]:
    """Runs of positions in `indices` of neighbouring examples, increasing, at most `most` each."""
    order = np.argsort(indices, kind="stable")
    breaks = np.flatnonzero(np.diff(indices[order]) != 1) + 1
    for run in np.split(order, breaks):
        yield from (run[start : start + most] for start in range(0, len(run), most))
