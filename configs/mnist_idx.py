"""MNIST from its four IDX files in $AVAE_DATA/mnist, padded to 40 x 40, at random rotations.

    AVAE_DATA=data python -m avae_jax.main --config configs/mnist_idx.py --workdir runs/mnist_idx

Any other images: add --config.data.source=npz:PATH (or npy:, folder:, idx:).
"""

import os

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """Edits of the defaults."""
    folder = os.environ.get("AVAE_DATA") or "data"
    return ConfigDict(
        {
            "data": {"source": f"idx:{folder}/mnist", "size": 40},
            "family": "rotation",
            "model": {"latent": 8},
            "train": {"steps": 2000, "batch_size": 128},
        }
    )
