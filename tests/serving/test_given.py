"""Tests of `avae_jax.serving.given`."""

import dataclasses

import numpy as np
import pytest

from avae_jax.config.options import DataOptions, Options
from avae_jax.core.errors import InputError
from avae_jax.inference.trained import Trained
from avae_jax.serving.given import taken
from tests.support import tiny_vae

RAW = Options(data=DataOptions(source="array:0", window=(0.0, 100.0), size=7, scale=0.5))


def trained():
    return Trained({}, tiny_vae.avae_of(), None, None, np.zeros((1, 2)))


def test_given_as_the_model_sees_them_is_left_alone():
    x = np.random.default_rng(0).uniform(size=(3, 7, 7, 1))
    poses = np.random.default_rng(1).normal(size=(3, 3, 3)).astype(np.float32)
    for options in (None, Options()):
        given = taken(x, trained(), options)
        np.testing.assert_array_equal(given.x, np.float32(x))
        assert given.own(poses) is poses and given.models(poses) is poses
    with pytest.raises(InputError, match="uint8 values, wanted floats"):
        taken(np.uint8(x), trained(), Options())


def test_given_one_channel_needs_no_axis_for_it():
    x = np.random.default_rng(0).uniform(size=(3, 7, 7))
    given = taken(x, trained(), Options())
    assert given.x.shape == given.raw.shape == (3, 7, 7, 1) and given.shape == x.shape
    with pytest.raises(InputError, match=r"shape \(7, 7\), wanted \[n, 7, 7, 1\]"):
        taken(x[0], trained(), Options())


def test_given_raw_is_scaled_and_framed():
    x = np.random.default_rng(0).uniform(0, 100, size=(3, 14, 14))
    given = taken(x, trained(), RAW)
    assert given.x.shape == (3, 7, 7, 1) and given.raw.shape == (3, 14, 14, 1)
    assert given.x.min() >= 0 and 0.3 < given.x.max() <= 1 and given.shape == x.shape
    poses = np.random.default_rng(1).normal(size=(3, 3, 3)).astype(np.float32)
    np.testing.assert_allclose(given.models(given.own(poses)), poses, atol=1e-5)


def test_given_raw_warns_of_what_is_cut_and_refuses_what_cannot_be():
    x = np.random.default_rng(0).uniform(0, 100, size=(3, 30, 30))
    with pytest.warns(UserWarning, match="sees only the middle 14 x 14"):
        taken(x, trained(), RAW)
    kept = dataclasses.replace(RAW, data=dataclasses.replace(RAW.data, size=0))
    with pytest.raises(InputError, match="data.size=0, which takes no other size"):
        taken(x, trained(), kept)
    x = x[:, :14, :14]
    x[1, 2, 2] = np.nan
    with pytest.raises(InputError, match="x.*NaN"):
        taken(x, trained(), RAW)
