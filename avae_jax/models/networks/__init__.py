"""The networks of the variational autoencoder: `NETWORKS` holds an entry for each."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn

from avae_jax.config.options import ModelOptions
from avae_jax.core.types import Shape
from avae_jax.models.networks.conv import ConvDecoder, ConvEncoder
from avae_jax.models.networks.dense import DenseDecoder, DenseEncoder
from avae_jax.models.networks.original import OriginalDecoder, OriginalEncoder
from avae_jax.models.networks.patches import PatchDecoder, PatchEncoder


class Network(NamedTuple):
    """How to make an encoder and a decoder from the options of the model.

    Attributes:
      encoder: `options -> module` that maps `[*S, C] -> (mu [Z], logvar [Z])`.
      decoder: `(options, S, C) -> module` that maps `[Z] -> [*S, C]`, unbounded.
    """

    encoder: Callable[[ModelOptions], nn.Module]
    decoder: Callable[[ModelOptions, Shape, int], nn.Module]


NETWORKS = {
    "dense": Network(
        lambda o: DenseEncoder(o.latent, o.hidden),
        lambda o, shape, channels: DenseDecoder(shape, channels, o.hidden),
    ),
    "patches": Network(
        lambda o: PatchEncoder(o.latent, o.channels, o.hidden),
        lambda o, shape, channels: PatchDecoder(shape, channels, o.channels, o.hidden),
    ),
    "conv": Network(
        lambda o: ConvEncoder(o.latent, o.channels, o.kernel),
        lambda o, shape, channels: ConvDecoder(shape, channels, o.channels, o.kernel),
    ),
    "original": Network(
        lambda o: OriginalEncoder(o.latent),
        lambda o, shape, channels: OriginalDecoder(shape, channels),
    ),
}
