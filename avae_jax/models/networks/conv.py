"""Convolutional encoder and decoder, for images and volumes of any size.

Sizes change by moving pixels into channels and back (space to depth), so that every
convolution has stride 1: strided transposed convolutions are several times slower on CPUs and
produce checkerboard artefacts.
"""

import math

import flax.linen as nn
import jax.numpy as jnp

from avae_jax.core.types import Array, Shape
from avae_jax.models.networks.gaussian_head import posterior


def space_to_depth(x: Array) -> Array:
    """`[*S, C] -> [*S/2, 2^d C]`; every side of S must be even."""
    *shape, channels = x.shape
    d = len(shape)
    split = x.reshape(*(n for side in shape for n in (side // 2, 2)), channels)
    order = (*range(0, 2 * d, 2), *range(1, 2 * d, 2), 2 * d)
    return split.transpose(order).reshape(*(side // 2 for side in shape), 2**d * channels)


def depth_to_space(x: Array) -> Array:
    """`[*S, 2^d C] -> [*2S, C]`, the inverse of `space_to_depth`."""
    *shape, channels = x.shape
    d = len(shape)
    split = x.reshape(*shape, *(2,) * d, channels // 2**d)
    order = (*(axis for i in range(d) for axis in (i, d + i)), 2 * d)
    return split.transpose(order).reshape(*(2 * side for side in shape), channels // 2**d)


def padded(shape: Shape, stages: int) -> Shape:
    """The smallest shape not below `shape` that can be halved `stages` times."""
    multiple = 2**stages
    return tuple(-(-side // multiple) * multiple for side in shape)


class ConvEncoder(nn.Module):
    """`[*S, C] -> (mu [Z], logvar [Z])`; each stage halves the size."""

    latent: int
    channels: Shape
    kernel: int

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        *shape, _ = x.shape
        full = padded(tuple(shape), len(self.channels))
        h = jnp.pad(x, [*((0, n - side) for n, side in zip(full, shape, strict=True)), (0, 0)])
        for width in self.channels:
            h = nn.relu(nn.Conv(width, (self.kernel,) * len(shape))(space_to_depth(h)))
        return posterior(h.reshape(-1), self.latent)


class ConvDecoder(nn.Module):
    """`[Z] -> [*S, C]`, unbounded; each stage doubles the size."""

    shape: Shape
    channels_out: int
    channels: Shape
    kernel: int

    @nn.compact
    def __call__(self, z: Array) -> Array:
        d, stages = len(self.shape), len(self.channels)
        start = tuple(side // 2**stages for side in padded(self.shape, stages))
        h = nn.relu(nn.Dense(math.prod(start) * self.channels[-1])(z))
        h = h.reshape(*start, self.channels[-1])
        for width in reversed(self.channels[:-1]):
            h = nn.relu(depth_to_space(nn.Conv(width * 2**d, (self.kernel,) * d)(h)))
        h = depth_to_space(nn.Conv(self.channels_out * 2**d, (self.kernel,) * d)(h))
        return h[tuple(slice(side) for side in self.shape)]
