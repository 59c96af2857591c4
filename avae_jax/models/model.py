"""Interface between a network and the rest of the library."""

from typing import Any, NamedTuple

from avae_jax.core.types import Decode, Encode


class Model(NamedTuple):
    """A VAE as pure functions of one example.

    Attributes:
      encode: `(params, x [*S, C]) -> (mu [Z], logvar [Z])`.
      decode: `(params, z [Z]) -> [*S, C]`: the mean of each pixel, in the range of the data
        (for Bernoulli a probability).
      log_sigma: `params -> []`, logarithm of the standard deviation of the Gaussian
        likelihood; not used by Bernoulli.
    """

    encode: Encode
    decode: Decode
    log_sigma: Any
