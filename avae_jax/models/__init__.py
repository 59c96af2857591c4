"""Encoders, decoders, the variational autoencoder and its objective."""

from avae_jax.models.external import from_numpy_functions as from_numpy_functions
from avae_jax.models.external import on_host as on_host
from avae_jax.models.model import Model as Model
from avae_jax.models.precision import in_bfloat16 as in_bfloat16
from avae_jax.models.vae import VAE as VAE
from avae_jax.models.vae import build as build
from avae_jax.models.vae import build_model as build_model
from avae_jax.models.vae import model_and_init as model_and_init
from avae_jax.models.vae import wrap as wrap
