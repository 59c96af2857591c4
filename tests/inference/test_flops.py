"""Tests of `avae_jax.inference.flops`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax import models
from avae_jax.config.options import ModelOptions, SearchOptions
from avae_jax.inference.flops import forward_equivalents
from avae_jax.inference.search import resolve
from avae_jax.models.affine_model import affine_vae
from avae_jax.transform import family, frame
from tests.support.tiny_vae import avae_of, images, weights

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.mark.full
def test_forward_equivalents_of_the_original_recipe_is_360():
    """The cost of the recipe of the original work is 360."""
    avae, params = avae_of(), weights()
    group, x = avae.group, images()[0]
    cost = functools.partial(forward_equivalents, params, x, avae=avae, bank=None)
    assert cost(options=resolve(SearchOptions("original"), group)) == pytest.approx(360, rel=0.01)
    options = SearchOptions(kind="even", method="gauss_newton", starts=8, keep=2, steps=4)
    few = resolve(options, group)
    # A value with one tangent takes about two forward passes.
    assert 8 + 2 * (4 * 1.5 + 1) < cost(options=few) < 8 + 2 * (4 * 4 + 1)


@pytest.mark.full_cases("0-affine", "0-rotation", "2-affine")
@pytest.mark.parametrize("name", ["rotation", "affine"])
@pytest.mark.parametrize("polish", [0, 2])
def test_forward_equivalents_of_registration_counted_by_hand(name, polish):
    """Where the network is most of a forward pass, as it is for images of a usual size."""
    group, sides = family(name, 2), (12, 12)
    network = ModelOptions("dense", latent=4, hidden=(1024, 1024))
    model, params = models.build(jax.random.key(0), sides, 1, options=network)
    avae = affine_vae(model, frame(sides), np.zeros(1), group=group)
    options = SearchOptions(
        method="register", kind="even", starts=16, keep=2, steps=3, polish=polish
    )
    cost = forward_equivalents(
        params, jnp.zeros((*sides, 1)), avae=avae, options=resolve(options, group), bank=None
    )
    # All 16, then 8, 4 and 2; then steps with P tangents, and a last value, for those 2.
    by_hand = 16 + 14 + 2 * (polish * (1 + group.size) + (polish > 0))
    assert cost == pytest.approx(by_hand, rel=0.2)
