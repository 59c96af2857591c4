"""`npz:PATH` and `npy:PATH`: arrays of images or volumes."""

from pathlib import Path

import numpy as np

from avae_jax.data.formats.bfloat import read_as, widened
from avae_jax.data.formats.npy_header import check_magic, choose_array, npz_headers, with_channels
from avae_jax.data.formats.reading import reading, require_memory, require_numbers
from avae_jax.data.sources.base import Examples, Source
from avae_jax.data.sources.labels import check_labels, index_labels

LABELS = "labels"
OBJECTS = (
    "{path}: read without its labels, which are Python objects and not loaded; save them as "
    "labels=labels.astype(str), or as integers."
)


def read_npy(path: Path, axes: str = "") -> Source:
    """The images or volumes of a `.npy` file; only the examples asked for are read."""
    with reading(path, "npy file of images or volumes"):
        check_magic(path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array_source(array, None, name=str(path), axes=axes)


def read_npz(path: Path, axes: str = "") -> Source:
    """The images or volumes of a `.npz` file, and its `labels` if there are any.

    They are the only array of rank 3 or more, else the one named `images` or `volumes`.
    """
    with reading(path, "npz archive"):
        headers = npz_headers(path)
        for member, header in headers.items():
            require_memory(
                f"{path}: {member}.npy",
                header.shape,
                header.dtype.itemsize,
                way_out="save a smaller array",
            )
        chosen = choose_array(headers, name=str(path))
        require_numbers(read_as(headers[chosen].dtype), name=f"{path}: {chosen}")
        with np.load(path, allow_pickle=False) as archive:
            array = archive[chosen]
            labelled = LABELS in headers and chosen != LABELS
            objects = labelled and headers[LABELS].dtype.hasobject
            labels = archive[LABELS] if labelled and not objects else None
    source = array_source(array, labels, name=f"{path}: {chosen}", axes=axes)
    if objects:
        source = source._replace(notes=(*source.notes, OBJECTS.format(path=path)))
    return source


def array_source(
    array: np.ndarray, labels: np.ndarray | None, *, name: str, axes: str = ""
) -> Source:
    """One array without a split of its own.

    Args:
        axes: what they are, by default as they look.

    Raises:
        InputError: for a wrong rank or dtype, and labels that do not match.
    """
    images, note = with_channels(widened(array, name=name), name=name, axes=axes)
    if labels is None:
        return Source(array_examples(images, None), None, (), (note,))
    check_labels(labels, len(images), name=name)
    (indices,), names = index_labels(labels)
    return Source(array_examples(images, indices), None, names, (note,))


def array_examples(images: np.ndarray, labels: np.ndarray | None) -> Examples:
    """Examples of `[N, *S, C]`, in memory or mapped."""

    def read(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return np.asarray(images[indices]), None if labels is None else labels[indices]

    return Examples(len(images), read)
