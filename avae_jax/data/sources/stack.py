"""`stack:PATH`: any stack that can be aligned, as a data source."""

from typing import Any

import numpy as np

from avae_jax.data.formats.opening import open_stack
from avae_jax.data.formats.reading import require_memory
from avae_jax.data.sources.base import Examples, Source


def read_stack(text: str, axes: str = "") -> Source:
    """The examples of a stack, without labels; only those asked for are read."""
    with open_stack(text, axes) as stack:
        count, notes = stack.shape[0], (stack.note, *stack.notes)
        more: dict[str, Any] = {"spacing": stack.spacing, "nodata": stack.nodata}

    def read(indices: np.ndarray) -> tuple[np.ndarray, None]:
        with open_stack(text, axes) as stack:
            shape = (len(indices), *stack.example)
            require_memory(stack.name, shape, 4, way_out="set data.limit to read fewer")
            examples = np.empty(shape, stack.dtype)
            for place in np.argsort(indices):
                index = int(indices[place])
                examples[place] = stack.raw(index, index + 1)[0]
        return examples, None

    return Source(Examples(count, read), None, (), notes, **more)
