"""From how far a volume is registered to its rotated self: gradients alone, and the search."""

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
