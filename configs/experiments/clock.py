"""Held-out loss against the time of training: no search, augmentation, and two searches."""

from ml_collections import ConfigDict

from configs.experiments import AUGMENTED, UPRIGHT

ORIGINAL = {"search": {"preset": "original"}, "train": {"synchronised": 0}}


def get_config() -> ConfigDict:
    """No models of a work directory: each recipe trains for `seconds`, or 5,000 updates."""
    return ConfigDict(
        {
            "models": {},
            "recipes": {
                "vae_upright": UPRIGHT,
                "augmented": AUGMENTED,
                "search_original": ORIGINAL,
                "search_random": {"search": {"preset": "fast"}},
            },
            "examples": 256,
            "edits": {"train": {"steps": 5000}},
            "small": {"config": "digits", "seconds": 240.0},
            "full": {"config": "mnist_idx", "seconds": 1800.0},
            "smoke": {"config": "mnist_idx", "seconds": 0.0},
        }
    )
