"""The variational autoencoder of one example, and the pure functions that others use."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from avae_jax.config.options import ModelOptions
from avae_jax.core.types import Array, Decode, Encode, Key, Params, Shape
from avae_jax.models.model import Model
from avae_jax.models.networks.conv import ConvDecoder, ConvEncoder
from avae_jax.models.networks.dense import DenseDecoder, DenseEncoder
from avae_jax.models.networks.original import SourceDecoder, SourceEncoder
from avae_jax.models.networks.patches import PatchDecoder, PatchEncoder
from avae_jax.models.precision import in_bfloat16


class VAE(nn.Module):
    """Encoder, decoder and (where it is learned) the scale of the likelihood."""

    shape: Shape
    channels: int
    options: ModelOptions

    def setup(self) -> None:
        o = self.options
        if o.name == "dense":
            self.encoder = DenseEncoder(o.latent, o.hidden)
            self.decoder = DenseDecoder(self.shape, self.channels, o.hidden)
        elif o.name == "patches":
            self.encoder = PatchEncoder(o.latent, o.channels, o.hidden)
            self.decoder = PatchDecoder(self.shape, self.channels, o.channels, o.hidden)
        elif o.name == "conv":
            self.encoder = ConvEncoder(o.latent, o.channels, o.kernel)
            self.decoder = ConvDecoder(self.shape, self.channels, o.channels, o.kernel)
        else:
            self.encoder = SourceEncoder(o.latent)
            self.decoder = SourceDecoder(self.shape, self.channels)
        start = nn.initializers.constant(jnp.log(o.sigma))
        learned = o.likelihood == "gaussian_learned"
        self.sigma = self.param("log_sigma", start, ()) if learned else jnp.log(o.sigma)

    def __call__(self, x: Array) -> Array:
        mu, _ = self.encode(x)
        return self.decode(mu)

    def encode(self, x: Array) -> tuple[Array, Array]:
        """`[*S, C] -> (mu [Z], logvar [Z])`."""
        return self.encoder(x)

    def decode(self, z: Array) -> Array:
        """`[Z] -> [*S, C]`, the mean of every pixel."""
        out = self.decoder(z)
        return nn.sigmoid(out) if self.options.likelihood == "bernoulli" else out

    def log_sigma(self) -> Array:
        """Logarithm of the standard deviation of the Gaussian likelihood, `[]`."""
        return jnp.asarray(self.sigma)


def build(
    key: Key, shape: Shape, channels: int, *, options: ModelOptions = ModelOptions()
) -> tuple[Model, Params]:
    """A model for examples `[*shape, channels]` and its initial weights."""
    module = VAE(tuple(shape), channels, options)
    params = jax.jit(module.init)(key, jnp.zeros((*shape, channels), jnp.float32))

    # By name, so that a model can be pickled.
    methods = ("encode", "decode", "log_sigma")
    model = Model(*(functools.partial(_call, module, method) for method in methods))
    return in_bfloat16(model) if options.dtype == "bfloat16" else model, params


def _call(module: VAE, method: str, params: Params, *args: Array) -> Any:
    return module.apply(params, *args, method=method)


def wrap(encode: Encode, decode: Decode, *, sigma: float = 1.0) -> Model:
    """A model from functions trained elsewhere.

    Args:
      encode: `(params, x [*S, C]) -> (mu [Z], logvar [Z])`.
      decode: `(params, z [Z]) -> [*S, C]`, the mean of each pixel (a probability if the
        likelihood is Bernoulli).
      sigma: standard deviation, if the likelihood is Gaussian.
    """
    return Model(encode, decode, functools.partial(_log, sigma))


def _log(sigma: float, params: Params) -> Array:
    del params
    return jnp.log(jnp.float32(sigma))
