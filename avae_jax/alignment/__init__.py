"""Alignment of stacks: each image or volume is moved to a model's canonical pose."""

from avae_jax.alignment.align import align
from avae_jax.alignment.fit_align import fit_align

__all__ = ["align", "fit_align"]
