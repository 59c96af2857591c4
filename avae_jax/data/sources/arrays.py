"""Arrays in memory as a data source."""

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.bfloat import widened
from avae_jax.data.formats.npy_header import with_channels
from avae_jax.data.sources.base import Examples, Source
from avae_jax.data.sources.labels import check_labels, index_labels


def array_source(
    array: np.ndarray, labels: np.ndarray | None, *, name: str, axes: str = ""
) -> Source:
    """One array without a test split.

    Args:
        axes: the letters of `data.axes`, by default from the shape.

    Raises:
        InputError: a wrong rank or dtype, or labels that do not match.
    """
    images, note = with_channels(widened(array, name=name), name=name, axes=axes)
    names: tuple[str, ...] = ()
    if labels is not None:
        (labels,), names = index_labels(check_labels(labels, len(images), name=name))

    def read(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return np.asarray(images[indices]), None if labels is None else labels[indices]

    return Source(Examples(len(images), read), None, names, (note,))


def refuse_array(digest: str) -> Source:
    """`array:DIGEST`: the source of a model that was trained on an array of a program.

    Raises:
        InputError: always: the array is in that program alone.
    """
    raise InputError(
        f"data.source=array:{digest}: an array given to avae_jax.fit, which alone can go on; "
        "another source is wanted"
    )
