"""A wrapped VAE, trained upright and frozen, on digits and letters under several transforms."""

from ml_collections import ConfigDict

from configs.experiments import TEN_EPOCHS, UPRIGHT, mnist


def get_config() -> ConfigDict:
    """Models and sizes."""
    return ConfigDict(
        {
            "models": {"mnist_upright": mnist(UPRIGHT)},
            "examples": 300,
            "small": {"train": {"steps": 1000}},
            "full": TEN_EPOCHS,
        }
    )
