"""Basin of attraction of registering a volume to its rotated copy: gradients, and the search."""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """No models: the loss is the squared difference of two volumes."""
    return ConfigDict(
        {
            "models": {},
            "examples": 40,
            "side": 16,
            "small": {},
            "full": {"side": 32, "examples": 200},
        }
    )
