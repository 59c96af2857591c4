"""Tests of `avae_jax.inference.search.first_order`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from avae_jax.transform import identity
from tests.support.least_squares import ADAM, away, degrees, least_squares, refined

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_first_order_walks_to_the_minimum():
    """The optimiser walks to the minimum."""
    problem, target = least_squares("rotation", 3), away("rotation", 3, 20.0)
    walk = functools.partial(refined, problem, identity(3), target, optimiser=optax.adam(0.05))
    (_, early), (pose, late) = walk(steps=5), walk(steps=40)
    assert late < early < problem.value(target, identity(3))
    assert degrees(pose, target) < 1


both_methods = pytest.mark.parametrize("optimiser", [None, ADAM], ids=["gauss_newton", "adam"])


@both_methods
def test_refine_returns_the_best_pose_met(optimiser):
    """Also when steps are too long: the loss is that of the pose, and not of the last one."""
    problem = least_squares("rotation", 2)
    for angle in (0.5, 5.0, 170.0):
        target = away("rotation", 2, angle)
        pose, loss = refined(problem, identity(2), target, optimiser=optimiser, steps=4)
        assert loss == pytest.approx(float(problem.value(target, jnp.asarray(pose))), abs=1e-6)
        assert loss <= problem.value(target, identity(2))


@both_methods
def test_refine_loss_not_finite_never_wins(optimiser):
    """The minimum lies where the loss is not finite; what is returned lies before it."""
    problem, target = least_squares("rotation", 2), away("rotation", 2, 40.0)

    def loss(datum: tuple[jax.Array, jax.Array], outputs: dict) -> jax.Array:
        return jnp.where(outputs["pose"][1, 0] > 0.5, datum[1], problem.loss(datum[0], outputs))

    trapped = problem._replace(loss=loss)
    for bad in (np.nan, np.inf, -np.inf):
        datum = target, jnp.float32(bad)
        pose, found = refined(trapped, identity(2), datum, optimiser=optimiser, steps=4)
        assert np.isfinite(pose).all() and np.isfinite(found)
        assert found == pytest.approx(float(problem.value(target, jnp.asarray(pose))), abs=1e-6)
        assert found <= problem.value(target, identity(2))


@both_methods
def test_refine_unrolled_is_the_rolled(optimiser):
    """An unrolled loop is the rolled one."""
    problem, target = least_squares("rotation", 2), away("rotation", 2, 30.0)
    walk = functools.partial(refined, problem, identity(2), target, optimiser=optimiser, steps=4)
    for one, other in zip(walk(), walk(unroll=True), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
