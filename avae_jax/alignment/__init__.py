"""A stack of images or volumes brought to the canonical pose of a trained model."""

from avae_jax.alignment.align import align
from avae_jax.alignment.fit_align import fit_align

__all__ = ["align", "fit_align"]
