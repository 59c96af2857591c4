"""Stated uncertainty of found poses, against truths made by hand."""

import types

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.evaluation.reliability import FEWEST, STATED, reliability
from avae_jax.transform.mixture import Mixture
from tests.support.linear_gaussian import avae_of

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
COUNT = 300


def turns(angles):
    made = np.tile(np.eye(3), (len(angles), 1, 1))
    made[:, 0, 0] = made[:, 1, 1] = np.cos(angles)
    made[:, 0, 1], made[:, 1, 0] = np.sin(angles), -np.sin(angles)
    return made


def case(count=COUNT, *, one_pose=True):
    """Poses found with errors of 0.3 radians and stated as known to 0.1; a tenth half a turn off.

    The common pose is a rotation by 0.5, the applied ones are random.
    """
    rng = np.random.default_rng(0)
    applied, target = turns(rng.uniform(-3, 3, count)), turns(np.full(count, 0.5))
    off = rng.normal(0, 0.3, count) + np.pi * (rng.uniform(size=count) < 0.1)
    found = target @ np.linalg.inv(applied) @ turns(off)
    measured = types.SimpleNamespace(applied=applied, target=target, found=found)
    task = types.SimpleNamespace(
        avae=avae_of(), options=types.SimpleNamespace(one_pose=one_pose, seed=0)
    )
    both = np.stack([found, found @ turns(np.full(count, np.pi))], 1)
    posterior = Mixture(
        np.float32(both),
        np.full((count, 2, 1, 1), 0.1, np.float32),
        np.tile(np.log(np.float32([0.99, 0.01])), (count, 1)),
    )
    return task, measured, posterior


@pytest.mark.full
def test_calibration_on_other_examples_makes_regions_hold():
    """Three times too narrow, and one of ten half a turn off where one of a hundred was said."""
    found = reliability(*case())
    assert found.examples == COUNT and found.stated == STATED
    # Ten standard errors below what was said.
    assert found.held_of_model[2] < 0.9 - 10 * np.sqrt(0.9 * 0.1 / COUNT)
    for share, held in zip(found.stated, found.held, strict=True):
        assert abs(held - share) < 3 * np.sqrt(2 * share * (1 - share) / COUNT)
    assert 2 < found.calibration["width"] < 4
    assert found.median_deg == pytest.approx(np.degrees(0.3), rel=0.3)
    # The tenth half a turn off, and errors of more than 15 degrees (0.26 radians).
    assert 0.3 < found.found_elsewhere < 0.6
    assert found.elsewhere == pytest.approx(found.found_elsewhere, abs=0.12)


@pytest.mark.parametrize(
    ("count", "one_pose"), [(FEWEST - 1, True), (FEWEST, False)], ids=["few", "unknown"]
)
def test_without_truths_nothing_is_said(count, one_pose):
    """Too few examples, or poses that nobody knows."""
    assert reliability(*case(count, one_pose=one_pose)) is None


@pytest.mark.full
def test_posterior_may_cover_the_first_examples_only():
    """As many as were asked for, of all that were searched."""
    task, measured, posterior = case()
    first = Mixture(*(jnp.asarray(leaf[:40]) for leaf in posterior))
    assert reliability(task, measured, first).examples == 40
