"""Tests of `avae_jax.models.networks.original`."""

import jax
import numpy as np
import pytest

from avae_jax.models.networks.original import OriginalDecoder, OriginalEncoder


@pytest.mark.parametrize("shape", [(9, 6), (8, 8), (5, 7, 6)])
def test_original_keeps_the_shape_of_an_example(shape):
    encoder, decoder = OriginalEncoder(3), OriginalDecoder(shape, 2)
    key, x = jax.random.key(0), np.zeros((*shape, 2), np.float32)
    (mu, logvar), _ = jax.eval_shape(encoder.init_with_output, key, x)
    drawn, _ = jax.eval_shape(decoder.init_with_output, key, mu)
    assert mu.shape == logvar.shape == (3,)
    assert drawn.shape == x.shape
