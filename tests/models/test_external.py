"""Tests of `avae_jax.models.external`."""

import pytest

import avae_jax
from avae_jax.core.errors import InputError
from tests.support import tiny_vae
from tests.support.wrapped_vae import host_functions

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_on_host_on_one_core_refused(monkeypatch):
    """On one core functions outside of jax are refused before they wait for ever."""
    monkeypatch.setenv("NPROC", "1")
    with pytest.raises(InputError, match="set NPROC=2"):
        avae_jax.on_host(*host_functions(), shape=(*tiny_vae.SHAPE, 1), latent=tiny_vae.Z)
