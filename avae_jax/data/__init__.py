"""Data sets: `load` reads the source that `data.source` names."""

from avae_jax.data.batches import batch_indices, require_batch
from avae_jax.data.dataset import Dataset, require_unit_interval
from avae_jax.data.loading import load

__all__ = ["Dataset", "batch_indices", "load", "require_batch", "require_unit_interval"]
