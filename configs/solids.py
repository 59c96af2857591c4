"""Furniture-like volumes in ten classes (generated, embedded), at random rotations.

python -m avae_jax.main --config configs/solids.py --workdir runs/solids
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """Edits of the defaults."""
    return ConfigDict(
        {
            "data": {"source": "solids", "size": 0},
            "family": "rotation",
            "model": {"latent": 8, "hidden": (512, 512)},
            # A search of a volume costs more than one of an image: fewer of them for pictures.
            "eval": {"curve_points": 12, "curve_examples": 32},
            "log": {"moment_examples": 100},
            "train": {"steps": 400, "batch_size": 64},
        }
    )
