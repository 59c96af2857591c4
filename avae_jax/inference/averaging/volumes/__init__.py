"""Noisy volumes aligned by maximum likelihood over class averages."""

from avae_jax.inference.averaging.volumes.align import align_volumes

__all__ = ["align_volumes"]
