"""The variational autoencoder of one example as pure functions."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from avae_jax.config.options import ModelOptions
from avae_jax.core.choices import look_up
from avae_jax.core.types import Array, Key, Params, Shape
from avae_jax.models.likelihoods import LIKELIHOODS
from avae_jax.models.model import Model
from avae_jax.models.networks import NETWORKS
from avae_jax.models.precision import in_bfloat16


class VAE(nn.Module):
    """Encoder, decoder and (if learned) the scale of the likelihood."""

    shape: Shape
    channels: int
    options: ModelOptions

    def setup(self) -> None:
        o = self.options
        network = look_up(NETWORKS, o.name, "model.name")
        self.encoder = network.encoder(o)
        self.decoder = network.decoder(o, self.shape, self.channels)
        self.likelihood = look_up(LIKELIHOODS, o.likelihood, "model.likelihood")
        start = nn.initializers.constant(jnp.log(o.sigma))
        learned = self.likelihood.scale == "learned"
        self.sigma = self.param("log_sigma", start, ()) if learned else jnp.log(o.sigma)

    def __call__(self, x: Array) -> Array:
        mu, _ = self.encode(x)
        return self.decode(mu)

    def encode(self, x: Array) -> tuple[Array, Array]:
        """`[*S, C] -> (mu [Z], logvar [Z])`."""
        return self.encoder(x)

    def decode(self, z: Array) -> Array:
        """`[Z] -> [*S, C]`, the mean of every pixel."""
        return self.likelihood.activation(self.decoder(z))

    def log_sigma(self) -> Array:
        """Logarithm of the standard deviation of the Gaussian likelihood, `[]`."""
        return jnp.asarray(self.sigma)


def build_model(
    key: Key, shape: Shape, channels: int, *, options: ModelOptions = ModelOptions()
) -> tuple[Model, Params]:
    """A model for examples `[*shape, channels]` and its initial weights.

    >>> import jax, jax.numpy as jnp, avae_jax
    >>> options = avae_jax.ModelOptions(latent=4, hidden=(16,))
    >>> model, params = avae_jax.build_model(jax.random.key(0), (12, 12), 1, options=options)
    >>> model.decode(params, jnp.zeros(4)).shape
    (12, 12, 1)
    """
    model, init = model_and_init(shape, channels, options=options)
    return model, jax.jit(init)(key)


def model_and_init(
    shape: Shape, channels: int, *, options: ModelOptions
) -> tuple[Model, Callable[[Key], Params]]:
    """What `build_model` returns, with the function of the key that makes the weights.

    Equal arguments give the same functions, so that programs made of them compile once.
    """
    return _model_and_init(tuple(shape), channels, options)


@functools.lru_cache(maxsize=16)
def _model_and_init(
    shape: Shape, channels: int, options: ModelOptions
) -> tuple[Model, Callable[[Key], Params]]:
    module = VAE(shape, channels, options)
    # By name, so that a model can be pickled.
    methods = ("encode", "decode", "log_sigma")
    model = Model(*(functools.partial(_call, module, method) for method in methods))

    def init(key: Key) -> Params:
        return module.init(key, jnp.zeros((*shape, channels), jnp.float32))

    return in_bfloat16(model) if options.dtype == "bfloat16" else model, init


def _call(module: VAE, method: str, params: Params, *args: Array) -> Any:
    return module.apply(params, *args, method=method)


# The earlier names.
build = build_model
wrap = Model.from_functions
