"""Poses of each digit during training: convergence to a canonical pose."""

from ml_collections import ConfigDict

from configs.experiments import TEN_EPOCHS, mnist


def get_config() -> ConfigDict:
    """Models and sizes."""
    return ConfigDict(
        {
            "models": {"mnist_search_random": mnist()},
            "examples": 2000,
            "small": {"train": {"steps": 1000}},
            "full": TEN_EPOCHS,
        }
    )
