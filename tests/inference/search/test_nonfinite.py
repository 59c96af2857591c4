"""The search where losses are not finite, where all poses are alike, where several are."""

import jax
import numpy as np
import pytest

from tests.support.analytic_problems import (
    BATCH,
    METHODS,
    dataset,
    losses_at,
    many_minima,
    run,
    settled,
)

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
every_method = pytest.mark.parametrize("method", METHODS)


@every_method
@pytest.mark.parametrize("beyond", [np.nan, np.inf, -np.inf])
def test_search_survives_and_counts_losses_not_finite(beyond, method):
    """About half of all poses have one."""
    problem, _, begun, options = settled(method)
    data = dataset("rotation", 2, limit=0.0, beyond=beyond)
    found = run(problem, data, begun, **options)
    losses = np.asarray(losses_at(problem, data, begun))
    finite = np.isfinite(losses)
    assert 0 < finite.sum() < finite.size
    np.testing.assert_array_equal(found.nonfinite, (~finite).sum(1))
    assert np.isfinite(found.pose).all() and np.isfinite(found.candidate_losses).all()
    assert (found.loss <= np.where(finite, losses, np.inf).min(1) + 1e-6).all()
    there = losses_at(problem, data, found.candidates)
    np.testing.assert_allclose(there, found.candidate_losses, rtol=1e-4, atol=1e-5)


@every_method
@pytest.mark.parametrize("beyond", [np.nan, np.inf, -np.inf])
def test_search_nothing_finite_returns_a_start(beyond, method):
    """Where nothing is finite a start comes back and an infinite loss."""
    problem, _, begun, options = settled(method)
    found = run(problem, dataset("rotation", 2, limit=-9.0, beyond=beyond), begun, **options)
    assert np.isposinf(found.candidate_losses).all()
    assert np.isposinf(found.loss).all()
    assert (found.nonfinite == 32 + found.candidates.shape[1]).all()
    distance = np.abs(np.asarray(begun - found.pose[:, None])).max((2, 3)).min(1)
    np.testing.assert_array_equal(distance, np.zeros(BATCH))


@every_method
def test_search_on_a_ring_returns_a_pose(method):
    """The loss is the same at every rotation: no slope, no curvature."""
    problem, _, begun, options = settled(method)
    found = run(problem, dataset("rotation", 2, weight=0.0), begun, **options)
    np.testing.assert_allclose(np.linalg.det(found.pose), np.ones(BATCH), rtol=1e-5)
    np.testing.assert_allclose(found.loss, np.zeros(BATCH), atol=1e-5)


@pytest.mark.full
def test_search_starts_that_stand_still():
    """All candidates at one pose: too near each other to be apart, and still one is found."""
    problem, data = many_minima("rotation", 2, held=True), dataset("rotation", 2)
    begun = jax.numpy.tile(data["pose"][:, None], (1, 8, 1, 1))
    found = run(problem, data, begun, method="register", keep=3, steps=3)
    np.testing.assert_allclose(found.pose, data["pose"], atol=1e-5)
    np.testing.assert_allclose(found.candidate_losses, np.zeros((BATCH, 3)), atol=1e-6)
