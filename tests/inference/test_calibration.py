"""Calibration of pose posteriors: what is put in is found, and regions then hold the truth."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.inference import calibration
from avae_jax.inference.calibration import (
    Calibration,
    calibrated,
    fit_calibration,
    region_probabilities,
)
from avae_jax.transform import retract
from avae_jax.transform.mixture import Mixture, log_density, transport_uniform, uniform_points
from tests.support.linear_gaussian import avae_of

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
COUNT = 1200


def stated(spread: float, avae) -> Mixture:
    """Two optima at random angles, half a turn apart, of weights 0.8 and 0.2, `COUNT` times."""
    angles = np.random.default_rng(0).uniform(-3, 3, COUNT)[:, None] + np.float32([0, np.pi])
    turn = jax.jit(jax.vmap(jax.vmap(lambda one: retract(avae.group, jnp.eye(3), one[None]))))
    return Mixture(
        turn(jnp.float32(angles)),
        np.full((COUNT, 2, 1, 1), spread, np.float32),
        np.tile(np.log(np.float32([0.8, 0.2])), (COUNT, 1)),
    )


def drawn(mixture: Mixture, avae):
    @jax.jit
    def draw(mixture):
        u = uniform_points(jax.random.key(1), (COUNT, avae.group.size + 1))
        return jax.vmap(functools.partial(transport_uniform, group=avae.group))(mixture, u)

    return draw(mixture)


TRUE = Calibration(temperature=2.0, width=1.8, tail=0.2, reach=3.0)


@pytest.mark.full
def test_truths_of_a_calibrated_posterior_are_held_as_often_as_said():
    """The fitted calibration need not have the same four numbers, but must hold as much."""
    avae = avae_of()
    mixture = stated(0.05, avae)
    poses = np.asarray(drawn(calibrated(mixture, TRUE), avae))
    half = COUNT // 2
    first, second = (
        jax.tree.map(lambda leaf, part=part: leaf[part], (mixture, poses))
        for part in (slice(0, half), slice(half, None))
    )
    found = fit_calibration(*first, avae=avae)
    assert found.temperature == pytest.approx(2, abs=1) and 1.3 < found.width < 2.4
    measure = jax.jit(functools.partial(region_probabilities, avae=avae))
    keys = jax.random.split(jax.random.key(2), half)
    before = np.asarray(measure(keys, second[0], second[1]))
    after = np.asarray(
        measure(keys, calibrated(second[0], found), second[1], anywhere=found.anywhere)
    )
    assert (before <= 0.9).mean() < 0.75
    for share in (0.5, 0.8, 0.9, 0.95, 0.99):
        # Both halves have their error.
        error = np.sqrt(2 * share * (1 - share) / half)
        assert abs((after <= share).mean() - share) < 3 * error


def test_missed_optima_are_counted_and_held():
    """A twelfth of the truths lie anywhere: that is found, and regions then hold them."""
    avae = avae_of()
    mixture = stated(0.05, avae)
    poses = np.array(drawn(mixture, avae))
    turn = np.linspace(-3, 3, COUNT // 12)
    missed = np.tile(np.eye(3, dtype=np.float32), (len(turn), 1, 1))
    missed[:, 0, 0] = missed[:, 1, 1] = np.cos(turn)
    missed[:, 1, 0] = np.sin(turn)
    missed[:, 0, 1] = -missed[:, 1, 0]
    poses[::12] = missed
    even, odd = (
        (jax.tree.map(lambda leaf, part=part: leaf[part], mixture), poses[part])
        for part in (np.arange(COUNT) % 24 < 12, np.arange(COUNT) % 24 >= 12)
    )
    found = fit_calibration(*even, avae=avae)
    assert found.anywhere == pytest.approx(1 / 12, abs=4 * np.sqrt(1 / 12 / len(even[1])))
    assert 0.8 < found.width < 1.2
    measure = jax.jit(functools.partial(region_probabilities, avae=avae))
    keys = jax.random.split(jax.random.key(3), len(odd[1]))
    without, with_them = (
        np.asarray(measure(keys, calibrated(odd[0], found), odd[1], anywhere=share))
        for share in (0.0, found.anywhere)
    )
    assert (without <= 0.99).mean() < 0.95
    for share in (0.5, 0.9, 0.99):
        error = np.sqrt(2 * share * (1 - share) / len(keys))
        assert abs((with_them <= share).mean() - share) < 3 * error


def test_truths_that_only_the_prior_explains_have_even_ranks():
    """It is flat, so that most of its draws are as high as they: chance decides between equals."""
    avae = avae_of()
    mixture = stated(0.01, avae)
    poses = np.array(drawn(mixture, avae))
    angles = np.random.default_rng(5).uniform(-np.pi, np.pi, COUNT // 2)
    poses[::2] = [
        [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]] for a in angles
    ]
    measure = jax.jit(functools.partial(region_probabilities, avae=avae))
    keys = jax.random.split(jax.random.key(4), COUNT)
    found = np.asarray(measure(keys, mixture, poses, anywhere=0.5))
    for share in (0.25, 0.5, 0.75, 0.9, 0.99):
        error = np.sqrt(share * (1 - share) / COUNT)
        assert abs((found <= share).mean() - share) < 3 * error


def test_right_posterior_stays_as_it_is():
    """Draws of the mixture itself: there is nothing to widen."""
    avae = avae_of()
    mixture = stated(0.05, avae)
    found = fit_calibration(mixture, np.asarray(drawn(mixture, avae)), avae=avae)
    assert found.temperature < 1.25 and 0.85 < found.width < 1.15


def test_calibrated_mixture_is_a_density():
    """It integrates to one, and twice the width halves the height at the centre."""
    avae = avae_of()
    one = jax.tree.map(lambda leaf: leaf[0], stated(0.3, avae))
    angles = np.linspace(-np.pi, np.pi, 2001, dtype=np.float32)[:-1, None]

    @jax.jit
    def heights(how):
        wide = calibrated(one, Calibration(*how))
        turns = jax.vmap(lambda angle: retract(avae.group, jnp.eye(3), angle))(angles)
        turns = jnp.concatenate([turns, one.centres[:1]])
        return jax.vmap(lambda pose: log_density(wide, pose, group=avae.group))(turns)

    found = np.exp(
        [heights(np.float32(how)) for how in (Calibration(), Calibration(width=2), TRUE)]
    )
    # Normals this wide reach around the circle, by which their sum lacks a little.
    np.testing.assert_allclose(found[:, :-1].mean(1) * 2 * np.pi, 1, atol=0.06)
    peak = 0.8 / (0.3 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(found[:2, -1], [peak, peak / 2], rtol=2e-3)


@pytest.mark.parametrize("count", [0, 3])
def test_poses_must_be_as_many_as_examples(count):
    """And some."""
    avae = avae_of()
    with pytest.raises(InputError, match=f"poses of {count} examples and a posterior of 1200"):
        fit_calibration(stated(0.1, avae), np.tile(np.eye(3), (count, 1, 1)), avae=avae)


def test_rows_that_fill_a_program_do_not_count(monkeypatch):
    """The fit of a few examples is theirs alone, whatever number a program takes."""
    avae = avae_of()
    few = jax.tree.map(lambda leaf: leaf[:30], stated(0.05, avae))
    poses = np.asarray(few.centres[:, 0])
    filled = fit_calibration(few, poses, avae=avae)
    monkeypatch.setattr(calibration, "ROWS", 1)
    np.testing.assert_allclose(filled, fit_calibration(few, poses, avae=avae), rtol=1e-6)
