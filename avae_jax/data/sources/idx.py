"""`idx:DIR`: the four IDX files of MNIST and similar data sets."""

import functools
from pathlib import Path

from avae_jax.core.errors import InputError
from avae_jax.data.formats.idx import read_idx
from avae_jax.data.formats.opening import open_stack
from avae_jax.data.sources.base import Source
from avae_jax.data.sources.labels import check_labels, index_labels
from avae_jax.data.sources.stack import stack_examples

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def read_idx_folder(folder: Path) -> Source:
    """Training and test split of the four files in `folder`, plain or `.gz`.

    Raises:
        InputError: names the missing, damaged or mismatched file.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; one with the four IDX files is wanted")
    opened, counts, labels, notes = {}, {}, {}, {}
    for split, (image_name, label_name) in FILES.items():
        image_path, label_path = _find(folder, image_name), _find(folder, label_name)
        opened[split] = functools.partial(open_stack, str(image_path))
        with opened[split]() as stack:
            counts[split], notes[split] = stack.shape[0], stack.note
        labels[split] = check_labels(read_idx(label_path), counts[split], name=str(label_path))
    indices, names = index_labels(labels["train"], labels["test"])
    train, test = (
        stack_examples(opened[split], counts[split], index)
        for split, index in zip(FILES, indices, strict=True)
    )
    return Source(train, test, names, (notes["train"],))


def _find(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    raise InputError(f"{folder}: no {name} and no {name}.gz; all four IDX files are wanted")
