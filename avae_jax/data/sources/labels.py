"""Labels of any values as indices into a tuple of names."""

import numpy as np

from avae_jax.core.errors import InputError


def index_labels(*splits: np.ndarray) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Labels of any values -> `0..K-1` in increasing order of value.

    Args:
        splits: arrays of integers or strings, one per split; all splits share the names.

    Returns:
        The indices of each split, int32, and the K values as names.
    """
    values, inverse = np.unique(np.concatenate(splits), return_inverse=True)
    ends = np.cumsum([len(split) for split in splits])[:-1]
    indices = np.split(inverse.reshape(-1).astype(np.int32), ends)
    return indices, tuple(str(value) for value in values)


def check_labels(labels: np.ndarray, count: int, *, name: str) -> np.ndarray:
    """`labels` unchanged if they are one integer or string for each of `count` examples.

    Raises:
        InputError: gives the dtype or shape of other labels.
    """
    if labels.dtype.kind not in "iubU":
        raise InputError(f"{name}: labels of dtype {labels.dtype}; integers or strings are wanted")
    if labels.shape != (count,):
        raise InputError(
            f"{name}: labels of shape {labels.shape} for {count} examples; "
            f"one for each is wanted, shape ({count},)"
        )
    return labels
