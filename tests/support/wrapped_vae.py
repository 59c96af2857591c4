"""The tiny VAE as a user wraps a VAE of their own."""

import jax
import numpy as np

import avae_jax
from avae_jax.config.options import SearchOptions
from tests.support import tiny_vae

SEARCH = SearchOptions(starts=3, keep=2, steps=1, polish=1, prototypes=6, turns=8)
WIDE = {"search": SearchOptions(method="gauss_newton", kind="even", starts=3, keep=1, steps=1)}


def upright() -> np.ndarray:
    return np.asarray(tiny_vae.images())


def wrap(encode=tiny_vae.encode, decode=tiny_vae.decode, x=None, **options) -> avae_jax.Posed:
    x = upright() if x is None else x
    options = {"search": SEARCH, "batch": 4, **options}
    return avae_jax.Posed.wrap(encode, decode, tiny_vae.weights(), x, **options)


def host_functions() -> tuple:
    """The VAE of `clubs` in numpy alone."""
    weights = jax.tree.map(np.asarray, tiny_vae.weights())

    def encode(x):
        mu, logvar = np.split(np.tanh(x.reshape(len(x), -1) @ weights["encode"]), 2, axis=1)
        return mu, logvar - 2

    def decode(z):
        logits = z @ weights["decode"] + weights["bias"]
        return (1 / (1 + np.exp(-logits))).reshape(len(z), *tiny_vae.SHAPE, 1)

    return encode, decode
