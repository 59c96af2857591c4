"""Interface between a network and the rest of the library."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from avae_jax.core.types import Array, Decode, Encode, Params


class Model(NamedTuple):
    """A VAE as pure functions of one example.

    Attributes:
      encode: `(params, x [*S, C]) -> (mu [Z], logvar [Z])`.
      decode: `(params, z [Z]) -> [*S, C]`: the mean of each pixel, in the range of the data
        (for Bernoulli a probability).
      log_sigma: `params -> []`, logarithm of the standard deviation of the Gaussian
        likelihood; not used by Bernoulli.

    >>> import jax.numpy as jnp, avae_jax
    >>> model = avae_jax.Model.from_functions(
    ...     lambda params, x: (x.mean((0, 1)), jnp.zeros(1)),
    ...     lambda params, z: jnp.broadcast_to(z, (8, 8, 1)),
    ... )
    >>> model.decode({}, jnp.ones(1)).shape
    (8, 8, 1)
    """

    encode: Encode
    decode: Decode
    log_sigma: Callable[[Params], Array]

    @classmethod
    def from_functions(cls, encode: Encode, decode: Decode, *, sigma: float = 1.0) -> "Model":
        """A model from functions trained elsewhere.

        Args:
          encode: `(params, x [*S, C]) -> (mu [Z], logvar [Z])`.
          decode: `(params, z [Z]) -> [*S, C]`, the mean of each pixel (a probability if the
            likelihood is Bernoulli).
          sigma: standard deviation, if the likelihood is Gaussian.
        """
        # By name, so that a model can be pickled.
        return cls(encode, decode, functools.partial(_log, sigma))


def _log(sigma: float, params: Params) -> Array:
    del params
    return jnp.log(jnp.float32(sigma))
