"""Noisy stacks aligned by maximum likelihood over class averages, their poses and classes."""

from avae_jax.inference.averaging.align import align_images
from avae_jax.inference.averaging.result import ClassAlignment

__all__ = ["ClassAlignment", "align_images"]
