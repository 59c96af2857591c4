"""`digits`: scikit-learn's handwritten digits, embedded."""

import numpy as np

from avae_jax.data.sources.base import Examples, Source

TOP = 16.0  # the digits count the black pixels of 4 x 4 blocks


def read_digits() -> Source:
    """1,797 real handwritten digits of 8 x 8 pixels, 0..16 scaled to [0, 1]."""
    from sklearn.datasets import load_digits  # not needed by any other source

    digits = load_digits()
    images = (digits.images[..., None] / TOP).astype(np.float32)
    labels = digits.target.astype(np.int32)
    examples = Examples(len(images), lambda indices: (images[indices], labels[indices]))
    names = tuple(str(name) for name in digits.target_names)
    return Source(examples, None, names, ("Handwritten digits of scikit-learn, 0..16 -> [0, 1].",))
