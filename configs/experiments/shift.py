"""A VAE that was trained upright and frozen, wrapped, on digits and letters moved in many ways."""

from ml_collections import ConfigDict

from configs.experiments import UPRIGHT, mnist


def get_config() -> ConfigDict:
    """Models and sizes."""
    return ConfigDict(
        {
            "models": {"mnist_upright": mnist(UPRIGHT)},
            "examples": 300,
            "small": {"train": {"steps": 1000}},
            "full": {"train": {"steps": 20_000}},
        }
    )
