"""Handwritten digits of scikit-learn (embedded, 8 x 8, enlarged to 24 x 24), at random rotations.

python -m avae_jax.main --config configs/digits.py --workdir runs/digits
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """Edits of the defaults."""
    return ConfigDict(
        {
            "data": {"source": "digits", "size": 24, "scale": 2.0},
            "family": "rotation",
            "model": {"latent": 8, "hidden": (256, 256)},
            "train": {"steps": 1000, "batch_size": 128},
        }
    )
