"""Ahead-of-time compilation for chips that the machine lacks."""

from avae_jax.training.aot.plan import plan as plan
