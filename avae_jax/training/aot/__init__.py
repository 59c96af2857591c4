"""Ahead-of-time compilation for chips that are not here."""

from avae_jax.training.aot.plan import plan as plan
