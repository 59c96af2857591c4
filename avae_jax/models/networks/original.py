"""The layout of the original work, by name, for comparison (batch normalisation left out).

Strided convolutions down, strided transposed convolutions up, ELU between. Batch
normalisation is absent because the ELBO of an example must not depend on its batch.

Reference: R. Bidart and A. Wong, Affine variational autoencoders, arXiv 1905.05300, 2019.
"""

import math

import flax.linen as nn

from avae_jax.core.types import Array, Shape

BOTTLENECK = 16


class OriginalEncoder(nn.Module):
    """`[*S, C] -> (mu [Z], logvar [Z])`."""

    latent: int

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        d = x.ndim - 1
        h = x
        for width, kernel, stride in ((32, 5, 1), (32, 4, 2), (64, 3, 2)):
            h = nn.elu(nn.Conv(width, (kernel,) * d, (stride,) * d)(h))
        h = nn.Conv(BOTTLENECK, (5,) * d)(h).reshape(-1)
        return nn.Dense(self.latent)(h), nn.Dense(self.latent)(h)


class OriginalDecoder(nn.Module):
    """`[Z] -> [*S, C]`, unbounded."""

    shape: Shape
    channels_out: int

    @nn.compact
    def __call__(self, z: Array) -> Array:
        d = len(self.shape)
        start = tuple(-(-side // 4) for side in self.shape)
        h = nn.Dense(math.prod(start) * BOTTLENECK)(z).reshape(*start, BOTTLENECK)
        for width, kernel, stride in ((32, 4, 1), (16, 5, 2), (16, 5, 2)):
            h = nn.elu(nn.ConvTranspose(width, (kernel,) * d, (stride,) * d)(h))
        h = nn.Conv(self.channels_out, (3,) * d)(h)
        return h[tuple(slice(side) for side in self.shape)]
