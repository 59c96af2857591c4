"""The search against augmentation, also with four times the weights, and a spatial transformer."""

from ml_collections import ConfigDict

from configs.experiments import AUGMENTED, TEN_EPOCHS, mnist

# 8.8 million weights where the default has 2.2 million.
WIDE = {"model": {"hidden": (1536, 1280)}}


def get_config() -> ConfigDict:
    """Models and sizes; the spatial transformer trains beside them."""
    return ConfigDict(
        {
            "models": {
                "mnist_search_random": mnist(),
                "mnist_augmented": mnist(AUGMENTED),
                "mnist_augmented_wide": mnist(AUGMENTED, WIDE),
            },
            "examples": 500,
            "small": {"train": {"steps": 1000}},
            "full": TEN_EPOCHS,
        }
    )
