"""Fully connected encoder and decoder, for images and volumes of any size."""

import math

import flax.linen as nn

from avae_jax.core.types import Array, Shape
from avae_jax.models.networks.gaussian_head import posterior


class DenseEncoder(nn.Module):
    """`[*S, C] -> (mu [Z], logvar [Z])`."""

    latent: int
    hidden: Shape

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        h = x.reshape(-1)
        for width in self.hidden:
            h = nn.relu(nn.Dense(width)(h))
        return posterior(h, self.latent)


class DenseDecoder(nn.Module):
    """`[Z] -> [*S, C]`, unbounded."""

    shape: Shape
    channels_out: int
    hidden: Shape

    @nn.compact
    def __call__(self, z: Array) -> Array:
        h = z
        for width in reversed(self.hidden):
            h = nn.relu(nn.Dense(width)(h))
        h = nn.Dense(math.prod(self.shape) * self.channels_out)(h)
        return h.reshape(*self.shape, self.channels_out)
