"""Where a signal is, against signals and noise that are known."""

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.averaging.disc import Disc
from avae_jax.inference.averaging.support import (
    STRENGTHS,
    disc_mean,
    kept_by,
    picked,
    pictures_of,
    strengths,
)

SIDE = 24


def spots(seed: int):
    """White noise of variance 0.1, and of 4.1 within a quarter of the frame."""
    values = np.sqrt(0.1) * np.random.default_rng(seed).standard_normal((1, SIDE, SIDE))
    values[:, :12, :12] *= np.sqrt(41)
    return values


def test_a_strength_is_large_where_the_energy_is():
    values = [spots(seed) for seed in range(20)]
    found = strengths(values, np.full(20, 0.05), np.array([0.1]), np.array([1.0]))
    # Far from the edge of the spot: a variance of 4 beyond the noise, and none.
    assert found[3:9, 3:9].mean() == pytest.approx(4, rel=0.15)
    assert found[15:21, 15:21].max() < 0.1


def test_a_channel_of_noise_hides_no_other():
    rng = np.random.default_rng(3)
    loud = 10 * rng.standard_normal((1, SIDE, SIDE))
    values = [np.concatenate([spots(seed), loud]) for seed in range(20)]
    found = strengths(values, np.full(20, 0.05), np.array([0.1, 100.0]), np.array([1.0, 1e-3]))
    assert found[3:9, 3:9].mean() == pytest.approx(4, rel=0.3)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_channel_without_noise_decides_in_every_unit(unit):
    """A strength of 4 in it, and of 10 in one with noise."""
    values = np.sqrt(unit * np.array([4.0, 11.0]))[:, None, None] * np.ones((8, 8))
    found = strengths([values], np.ones(1), unit * np.array([0.0, 1.0]), unit * np.ones(2))
    np.testing.assert_allclose(found, 4, rtol=1e-6)


def test_stronger_signals_are_kept_more():
    kept = np.asarray(kept_by(jnp.ones((2, 1, 3)), jnp.ones((2, 1, 3))))
    np.testing.assert_allclose(kept[:, 0, 0, 0], STRENGTHS / (STRENGTHS + 1), rtol=1e-6)


@pytest.mark.standard
def test_each_place_takes_the_picture_of_its_strength():
    disc = Disc(SIDE, 5)
    vector = jnp.asarray(np.random.default_rng(0).standard_normal((1, disc.size)), jnp.float32)
    gains = jnp.arange(len(STRENGTHS), dtype=jnp.float32)
    pictures = pictures_of(gains[:, None, None] * vector[None], disc)
    side = pictures.shape[-1]
    for level, strength in ((3, STRENGTHS[3]), (3.5, STRENGTHS[3] * np.sqrt(2))):
        found = picked(pictures, jnp.full((side, side), strength, jnp.float32), disc=disc)
        np.testing.assert_allclose(found, level * vector, rtol=1e-4, atol=1e-5)


def test_the_mean_over_the_disc_leaves_the_corners_out():
    values = np.zeros((SIDE, SIDE))
    values[0, 0] = values[-1, -1] = 100
    assert disc_mean(values) == 0
    assert disc_mean(np.full((SIDE, SIDE), 2.0)) == pytest.approx(2)
