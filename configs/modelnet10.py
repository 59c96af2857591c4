"""Chairs of ModelNet10 from $AVAE_DATA/modelnet10/chair_32.npz, at 16^3, at random rotations.

    AVAE_DATA=data python -m avae_jax.main --config configs/modelnet10.py --workdir runs/modelnet10

Full resolution: add --config.data.size=32 --config.data.scale=0.74. Any other volumes: add
--config.data.source=npz:PATH.
"""

import os

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """Edits of the defaults."""
    folder = os.environ.get("AVAE_DATA") or "data"
    return ConfigDict(
        {
            # The chairs fill their 32^3 cube: halved to 16^3, then shrunk by 1.35 so that
            # no corner leaves the volume under rotation.
            "data": {
                "source": f"npz:{folder}/modelnet10/chair_32.npz",
                "size": 16,
                "scale": 0.37,
            },
            "family": "rotation",
            "model": {"latent": 8},
            # A search of a volume costs more than one of an image: fewer of them for pictures.
            "eval": {"curve_points": 12, "curve_examples": 32},
            "log": {"moment_examples": 100},
            "train": {"steps": 600, "batch_size": 64, "warmup": 10},
        }
    )
