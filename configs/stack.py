"""Any stack of images or volumes in unknown poses: the config of --mode fit-align.

    python -m avae_jax.main --mode fit-align --input STACK --output DIR

The source, the size of the frame and the window of values are chosen to suit the stack.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """Edits of the defaults."""
    return ConfigDict(
        {
            # The examples have unknown poses.
            "data": {"pose": "as_is"},
            "family": "rotation",
            "model": {"latent": 8},
            "train": {"steps": 2000, "batch_size": 128},
        }
    )
