"""What a run on many chips would take, found out without any of them."""

from avae_jax.training.aot.plan import plan as plan
