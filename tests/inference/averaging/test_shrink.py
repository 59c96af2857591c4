"""Averages shrunk by ring and harmonic, against averages and noise that are known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.averaging.disc import Disc, from_disc, to_disc
from avae_jax.inference.averaging.sampling import Level
from avae_jax.inference.averaging.shrink import noise_shares, shrunk
from avae_jax.inference.averaging.turn import mask, turned
from benchmarks.stacks.particles import RODS, draw

DISC = Disc(24, 11)
LEVEL = Level(DISC, 90, 0.0, 0.0)
MASK = np.asarray(mask(24, jnp.float32(1.0)))


on_disc = jax.jit(functools.partial(to_disc, disc=DISC))


def noise(seed: int):
    values = np.random.default_rng(seed).standard_normal((1, 24, 24)) * MASK
    return np.asarray(on_disc(np.float32(values)))


def drawn(shape: str, angle: float = 0.0):
    image = draw(RODS[shape][0], 24, np.array([angle]), np.zeros((1, 2)))
    return np.asarray(on_disc(np.asarray(image)))


@pytest.mark.standard
@pytest.mark.parametrize("turns", [90, 91])
def test_white_noise_falls_to_harmonics_as_the_formula_says(turns):
    level = Level(DISC, turns, 0.0, 0.0)
    shares = noise_shares(DISC, turns)
    np.testing.assert_allclose(shares.sum(0), 1, rtol=1e-5)
    power, turn = 0.0, jax.jit(functools.partial(turned, disc=DISC))
    for seed in range(60):
        spun = np.fft.rfft(turn(noise(seed), level.angles), axis=0)
        power = power + np.abs(spun[:, 0]) ** 2
    measured = power[:, DISC.rings == 5].sum(1)
    measured[1:] *= 2
    np.testing.assert_allclose(measured / measured.sum(), shares[:, 5], atol=0.02)


def test_the_last_harmonic_of_an_even_number_of_turns_counts_once():
    """Of four angles it is its own opposite, of five it has one."""
    even, odd = noise_shares(DISC, 4), noise_shares(DISC, 5)
    np.testing.assert_allclose(2 * even[2] / even[0], odd[2] / odd[0], rtol=1e-5)
    np.testing.assert_allclose(even[1] / even[0], odd[1] / odd[0], rtol=1e-5)


WHOLE = np.full((1, 11), np.pi / 4, np.float32)


def one(plain, noise=WHOLE, jitter: float = 0.0):
    """A single average of a single image, shrunk."""
    return filtered(np.asarray(plain)[None], np.ones(1), noise, jitter)


def filtered(plain, seen, noise, jitter: float = 0.0, sure=1.0):
    """Averages shrunk, of images whose classes are known."""
    sure = np.full(len(seen), sure)
    return shrunk(plain, seen, noise, np.float32(jitter), level=LEVEL, sure=sure)


@pytest.mark.standard
def test_what_is_nothing_but_noise_is_left_out():
    made = one(noise(0))
    assert (made.averages**2).sum() < 0.2 * (noise(0) ** 2).sum()
    assert made.kept.mean() < 0.25


@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_a_nearly_round_object_loses_the_noise_that_turns(jitter):
    true = 3 * drawn("round")
    made = one(true + noise(1), jitter=jitter)
    assert ((made.averages[0] - true) ** 2).sum() < 0.4 * (noise(1) ** 2).sum()


def test_without_noise_nothing_is_lost_and_much_is_paid():
    true = drawn("hinged")
    made = one(true, np.full((1, 11), 1e-9, np.float32), 0.02)
    assert ((made.averages[0] - true) ** 2).sum() < 1e-3 * (true**2).sum()
    assert made.cost > one(true, np.full((1, 11), 1e-3, np.float32)).cost


def conformations(seed: int, *, apart: bool):
    """Two classes of 100 and 300 images: true averages `[2, C, P]`, means in noise, counts."""
    seen = np.array([100.0, 300.0])
    forms = [RODS["hinged"][k] for k in ((0, 2) if apart else (0, 0))]
    drawings = [draw(form, 24, np.zeros(1), np.zeros((1, 2))) for form in forms]
    true = np.stack([on_disc(np.asarray(4 * one)) for one in drawings])
    noisy = [noise(seed + k) * 10 / np.sqrt(count) for k, count in enumerate(seen)]
    return true, true + np.stack(noisy), seen


def test_a_class_borrows_what_it_shares_with_the_others():
    true, plain, seen = conformations(2, apart=True)
    level = np.float32(100) * WHOLE
    made = filtered(plain, seen, level, 0.03)
    alone = filtered(plain[:1], seen[:1], level, 0.03)
    error = ((made.averages[0] - true[0]) ** 2).sum()
    assert error < ((alone.averages[0] - true[0]) ** 2).sum()
    # It does not become the mean of both.
    mean = np.tensordot(seen / seen.sum(), true, 1)
    assert error < ((mean - true[0]) ** 2).sum()
    both = alone.cost.sum() + filtered(plain[1:], seen[1:], level).cost
    assert made.cost.sum() < both


def test_classes_that_differ_by_noise_alone_become_one():
    true, plain, seen = conformations(4, apart=False)
    made = filtered(plain, seen, np.float32(100) * WHOLE)
    left = ((made.averages[0] - made.averages[1]) ** 2).sum()
    assert left < 0.1 * ((plain[0] - plain[1]) ** 2).sum()


def test_what_is_less_sure_costs_less():
    _, plain, seen = conformations(2, apart=True)
    level = np.float32(100) * WHOLE
    made, unsure = (filtered(plain, seen, level, sure=sure) for sure in (1.0, 0.3))
    np.testing.assert_array_equal(unsure.averages, made.averages)
    assert unsure.cost.sum() < made.cost.sum()


@pytest.mark.standard
def test_noise_beside_the_object_is_left_out_and_the_object_stays():
    """A small object in one place, in noise that fills the frame."""
    rods = [(0.3, 0.3, 0.45, 0.3, 0.1, 1.0)]
    image = draw(rods, 24, np.zeros(1), np.zeros((1, 2)))
    true = 4 * to_disc(jnp.asarray(image), DISC)
    left = np.asarray(from_disc(one(true + noise(6)).averages[0] - true, DISC, 24))[0]
    away = (image[0] < 0.01) & (MASK > 0.5)
    assert (left[away] ** 2).mean() < 0.1
    assert (left**2).sum() < 0.2 * (noise(6) ** 2).sum()
