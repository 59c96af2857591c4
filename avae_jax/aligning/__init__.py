"""A stack of images or volumes brought to the canonical pose of a trained model."""

from avae_jax.aligning.fit import fit_align
from avae_jax.aligning.run import align

__all__ = ["align", "fit_align"]
