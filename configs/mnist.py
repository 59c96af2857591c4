"""MNIST of tensorflow-datasets, padded to 40 x 40, at random rotations.

    python -m avae_jax.main --config configs/mnist.py --workdir runs/mnist

Reads the data set prepared on disk by tensorflow-datasets. Without one it is downloaded,
which needs a network and TensorFlow (`pip install avae_jax[tensorflow]`).
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """Edits of the defaults."""
    return ConfigDict(
        {
            "data": {"source": "tfds:mnist", "size": 40},
            "family": "rotation",
            "model": {"latent": 8},
            "train": {"steps": 2000, "batch_size": 128},
        }
    )
