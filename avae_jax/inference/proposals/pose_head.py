"""Pose head: probabilities of a set of rotations for an observation."""

import flax.linen as nn
import jax.numpy as jnp

from avae_jax.core.types import Array

HIDDEN = (256, 256)


class PoseHead(nn.Module):
    """`[*S, C] -> [A]`: logits of A rotations, given the logits of a template bank.

    The network starts at zero and the weight of the bank at one, so that an untrained head
    does not change the bank's logits.
    """

    turns: int

    @nn.compact
    def __call__(self, seen: Array, bank_logits: Array) -> Array:
        h = seen.reshape(-1)
        # Standardised by itself: logits of an example must not depend on its batch.
        h = (h - h.mean()) / (h.std() + 1e-3)
        for width in HIDDEN:
            h = nn.relu(nn.Dense(width)(h))
        own = nn.Dense(self.turns, kernel_init=nn.initializers.zeros)(h)
        return own + self.param("trust", nn.initializers.ones, ()) * bank_logits


def no_signal(shape: tuple[int, ...], turns: int) -> tuple[Array, Array]:
    """Inputs of the right shapes, to initialise a head."""
    return jnp.zeros(shape), jnp.zeros(turns)
