"""Tests of `avae_jax.inference.setup`."""

import dataclasses

import jax
import numpy as np
import pytest

from avae_jax.config.options import ModelOptions, Options
from avae_jax.core.errors import InputError
from avae_jax.inference.setup import STREAMS, assemble, stream

OPTIONS = Options(model=ModelOptions(latent=2, hidden=(4,)))


def test_stream_of_every_use_and_seed_is_its_own():
    seeds = (dataclasses.replace(OPTIONS, seed=seed) for seed in (0, 1))
    keys = [jax.random.key_data(stream(options, name)) for options in seeds for name in STREAMS]
    assert len({tuple(key.tolist()) for key in keys}) == 2 * len(STREAMS)


@pytest.mark.standard
def test_assemble_fits_the_examples():
    with jax.numpy_dtype_promotion("standard"):
        avae, search, params = assemble(OPTIONS, (6, 8, 3), np.zeros(3, np.float32))
        drawn = avae.model.decode(params, np.zeros(2, np.float32))
    assert avae.inner.shape == (6, 8) and drawn.shape == (6, 8, 3)
    assert None not in (search.starts, search.keep, search.method)


def test_assemble_refuses_an_unknown_family():
    with pytest.raises(InputError, match="wobble"):
        assemble(dataclasses.replace(OPTIONS, family="wobble"), (6, 8, 1), np.zeros(1))
