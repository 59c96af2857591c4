"""Encoders, decoders and the variational autoencoder they make up."""

from avae_jax.models.vae import VAE as VAE
from avae_jax.models.vae import Model as Model
from avae_jax.models.vae import build as build
from avae_jax.models.vae import wrap as wrap
