"""Last layer of an encoder: a Gaussian posterior, narrow at initialisation."""

import flax.linen as nn
import jax.numpy as jnp

from avae_jax.core.types import Array, Key, Shape

# Standard deviation exp(-1.5). A wide posterior hides z from the decoder, which then learns
# slowly. A much narrower one (exp(-3)) lets the model encode poses before it has a canonical one.
NARROW = -3.0


def posterior(h: Array, latent: int) -> tuple[Array, Array]:
    """`h: [N] -> (mu [Z], logvar [Z])` with Z = `latent`; call it inside a compact module."""

    def bias(key: Key, shape: Shape, dtype: jnp.dtype) -> Array:
        return jnp.where(jnp.arange(shape[0]) < latent, 0.0, NARROW).astype(dtype)

    mu, logvar = jnp.split(nn.Dense(2 * latent, bias_init=bias)(h), 2)
    return mu, logvar
