"""Libraries that only some formats need."""

from avae_jax.data.extras import library as library
