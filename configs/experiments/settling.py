"""Poses of each digit during training: convergence to a canonical pose."""

from ml_collections import ConfigDict

from configs.experiments import SEARCHED, mnist


def get_config() -> ConfigDict:
    """Models and sizes."""
    return ConfigDict(
        {
            "models": {"mnist_search_random": mnist(SEARCHED)},
            "examples": 2000,
            "small": {"train": {"steps": 1000}},
            "full": {"train": {"steps": 20_000}},
        }
    )
