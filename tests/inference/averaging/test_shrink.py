"""Averages shrunk by ring and harmonic, against averages and noise that are known."""

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.averaging.disc import Disc, to_disc
from avae_jax.inference.averaging.sampling import Level
from avae_jax.inference.averaging.shrink import noise_shares, shrunk
from avae_jax.inference.averaging.turn import mask, turned
from benchmarks.stacks.particles import RODS, draw

DISC = Disc(24, 11)
LEVEL = Level(DISC, 90, 0.0, 0.0)
MASK = np.asarray(mask(24, jnp.float32(1.0)))


def noise(seed: int):
    values = np.random.default_rng(seed).standard_normal((1, 24, 24)) * MASK
    return to_disc(jnp.asarray(values, jnp.float32), DISC)


def drawn(shape: str, angle: float = 0.0):
    image = draw(RODS[shape][0], 24, np.array([angle]), np.zeros((1, 2)))
    return to_disc(jnp.asarray(image), DISC)


@pytest.mark.standard
@pytest.mark.parametrize("turns", [90, 91])
def test_white_noise_falls_to_harmonics_as_the_formula_says(turns):
    level = Level(DISC, turns, 0.0, 0.0)
    shares = noise_shares(DISC, turns)
    np.testing.assert_allclose(shares.sum(0), 1, rtol=1e-5)
    power = 0.0
    for seed in range(60):
        spun = np.fft.rfft(turned(noise(seed), level.angles, DISC), axis=0)
        power = power + np.abs(spun[:, 0]) ** 2
    measured = power[:, DISC.rings == 5].sum(1)
    measured[1:] *= 2
    np.testing.assert_allclose(measured / measured.sum(), shares[:, 5], atol=0.02)


def test_what_is_nothing_but_noise_is_left_out():
    whole = jnp.full((1, 11), np.pi / 4)
    made = shrunk(noise(0), whole, jnp.float32(0), level=LEVEL)
    assert (made.average**2).sum() < 0.2 * (noise(0) ** 2).sum()
    assert made.kept.mean() < 0.25


@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_a_nearly_round_object_loses_the_noise_that_turns(jitter):
    true = 3 * drawn("round")
    whole = jnp.full((1, 11), np.pi / 4)
    made = shrunk(true + noise(1), whole, jnp.float32(jitter), level=LEVEL)
    assert ((made.average - true) ** 2).sum() < 0.4 * (noise(1) ** 2).sum()


def test_without_noise_nothing_is_lost_and_much_is_paid():
    true = drawn("hinged")
    made = shrunk(true, jnp.full((1, 11), 1e-9), jnp.float32(0.02), level=LEVEL)
    assert ((made.average - true) ** 2).sum() < 1e-3 * (true**2).sum()
    assert made.cost > shrunk(true, jnp.full((1, 11), 1e-3), jnp.float32(0), level=LEVEL).cost
