"""Encoder and decoder of patches with shared weights, for images and volumes of any size.

A patch is 4 pixels on a side, and each further stage merges pairs of patches along every axis.
All patches share the weights of their stage; dense layers over all patches follow. The network
has several times fewer weights than a dense one and needs fewer examples. It computes products
of matrices only, which are fast on every platform.
"""

import math

import flax.linen as nn
import jax.numpy as jnp

from avae_jax.core.types import Array, Shape
from avae_jax.models.networks.conv import depth_to_space, padded, space_to_depth
from avae_jax.models.networks.gaussian_head import posterior

# Halvings of the size before the first learned layer, which therefore sees whole patches.
FIRST = 2


def halvings(channels: Shape) -> int:
    """Total number of halvings by stages of these widths."""
    return FIRST + len(channels) - 1


class PatchEncoder(nn.Module):
    """`[*S, C] -> (mu [Z], logvar [Z])`."""

    latent: int
    channels: Shape
    hidden: Shape

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        shape = x.shape[:-1]
        full = padded(shape, halvings(self.channels))
        h = jnp.pad(x, [*((0, n - side) for n, side in zip(full, shape, strict=True)), (0, 0)])
        for _ in range(FIRST - 1):
            h = space_to_depth(h)
        for width in self.channels:
            h = nn.relu(nn.Dense(width)(space_to_depth(h)))
        h = h.reshape(-1)
        for width in self.hidden:
            h = nn.relu(nn.Dense(width)(h))
        return posterior(h, self.latent)


class PatchDecoder(nn.Module):
    """`[Z] -> [*S, C]`, unbounded."""

    shape: Shape
    channels_out: int
    channels: Shape
    hidden: Shape

    @nn.compact
    def __call__(self, z: Array) -> Array:
        count, children = halvings(self.channels), 2 ** len(self.shape)
        start = tuple(side // 2**count for side in padded(self.shape, count))
        h = z
        for width in reversed(self.hidden):
            h = nn.relu(nn.Dense(width)(h))
        h = nn.relu(nn.Dense(math.prod(start) * self.channels[-1])(h))
        h = h.reshape(*start, self.channels[-1])
        for width in reversed(self.channels[:-1]):
            h = nn.relu(depth_to_space(nn.Dense(width * children)(h)))
        h = nn.Dense(self.channels_out * children**FIRST)(h)
        for _ in range(FIRST):
            h = depth_to_space(h)
        return h[tuple(slice(side) for side in self.shape)]
