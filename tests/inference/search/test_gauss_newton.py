"""Refinement of one pose: Gauss-Newton and the optimiser, on least squares of matrices."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.search import gauss_newton
from avae_jax.transform import identity
from tests.support.least_squares import away, degrees, least_squares, refined

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_gauss_newton_three_steps_from_twenty_degrees():
    """Gauss newton is there in three steps from twenty degrees."""
    problem, target = least_squares("rigid", 3), away("rigid", 3, 20.0)
    two, three = (
        degrees(refined(problem, identity(3), target, steps=steps)[0], target) for steps in (2, 3)
    )
    # The damping, which falls as steps succeed, bounds the rate.
    assert two < 0.02
    assert three < 0.001


def test_gauss_newton_takes_back_what_does_not_help():
    """Far away in a narrow, bent valley the loss never rises with more steps."""
    weight = jnp.float32([[1, 10, 1], [10, 1, 1], [1, 1, 1]])
    narrow = least_squares("affine", 2)._replace(
        loss=lambda datum, outputs: jnp.cosh(weight * (outputs["pose"] - datum)).sum() - 9
    )
    target = away("affine", 2, 100.0)
    losses = [float(narrow.value(target, identity(2)))]
    losses += [float(refined(narrow, identity(2), target, steps=n)[1]) for n in (4, 40)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 1e4
    assert losses[-1] < 1e-3


def test_linearise_curvature_of_the_loss():
    """The curvature is that of the loss where the outputs fit."""
    problem = least_squares("affine", 3)
    pose = away("affine", 3, 30.0)
    local = jax.jit(functools.partial(gauss_newton.linearise, problem))(pose, pose)

    def loss(alpha: jax.Array) -> jax.Array:
        return problem.value(pose, problem.retract(pose, alpha))

    zero = jnp.zeros(problem.size)
    np.testing.assert_allclose(local.curvature, jax.jit(jax.hessian(loss))(zero), atol=1e-5)
    np.testing.assert_allclose(local.gradient, np.zeros(problem.size), atol=1e-6)
    assert local.loss == 0


def test_step_of_solves_the_damped_system():
    """The step solves the damped system and is never too long."""
    curvature = jnp.float32([[4, 1], [1, 2]])
    local = gauss_newton.Local(jnp.float32(0), jnp.float32([0.1, -0.2]), curvature)
    found = gauss_newton.step_of(local, jnp.float32(0.5))
    system = np.array(curvature) + 0.5 * np.diag([4, 2])
    np.testing.assert_allclose(found, -np.linalg.solve(system, [0.1, -0.2]), rtol=1e-5)
    for gradient_ in ([1e3, 1], [np.nan, 1], [np.inf, 0]):
        step = gauss_newton.step_of(local._replace(gradient=jnp.float32(gradient_)), jnp.float32(0))
        assert np.abs(step).max() <= gauss_newton.LONGEST * 1.001
    flat = gauss_newton.Local(jnp.float32(0), jnp.zeros(2), jnp.zeros((2, 2)))
    np.testing.assert_array_equal(gauss_newton.step_of(flat, jnp.float32(0.01)), np.zeros(2))


@pytest.mark.quick
def test_step_of_hardly_moves_where_the_loss_is_flat():
    """A direction without curvature is damped as a millionth of the steepest."""
    curvature, gradient = np.diag(np.float32([4, 0])), np.float32([0.1, 1e-9])
    local = gauss_newton.Local(np.float32(0), gradient, curvature)
    found = jax.jit(gauss_newton.step_of)(local, np.float32(0.5))
    np.testing.assert_allclose(found, [-0.1 / 6, -1e-9 / 2e-6], rtol=1e-4)


@pytest.mark.quick
def test_promise_is_the_minimum_of_the_parabola_but_for_the_damping():
    curvature, gradient = np.float32([[4, 1], [1, 2]]), np.float32([0.1, -0.2])
    local = gauss_newton.Local(np.float32(3), gradient, curvature)
    lowest = 3 - gradient @ np.linalg.solve(curvature, gradient) / 2
    promised = jax.jit(gauss_newton.promise)(local)
    np.testing.assert_allclose(promised, lowest, rtol=1e-5)
    assert promised < 2.99


@pytest.mark.quick
def test_linearise_in_two_parameters():
    """Their curvature is a matrix, not a row."""
    problem, target = least_squares("translation", 2), np.eye(3, dtype=np.float32)
    target[:2, 2] = 0.2, -0.1
    still = np.eye(3, dtype=np.float32)
    local = jax.jit(functools.partial(gauss_newton.linearise, problem))(target, still)
    np.testing.assert_allclose(local.curvature, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(local.gradient, [-0.2, 0.1], atol=1e-6)


@pytest.mark.quick
def test_linearise_on_other_platforms_as_on_cpus(monkeypatch):
    def by_default(*given, default, **forms):
        return default(*given)

    monkeypatch.setattr(gauss_newton, "by_platform", by_default)
    for name, off in (("translation", [0.2, -0.1]), ("shift_y", [0.2, 0])):
        problem = least_squares(name, 2)
        linearise = jax.jit(functools.partial(gauss_newton.linearise, problem))
        local = linearise(shifted(off), shifted([0, 0]))
        np.testing.assert_allclose(local.gradient, -np.array(off)[: problem.size], atol=1e-6)
        np.testing.assert_allclose(local.curvature, np.eye(problem.size), atol=1e-6)


def shifted(by):
    """A pose moved by `by`, y and x."""
    return np.float32([[1, 0, by[0]], [0, 1, by[1]], [0, 0, 1]])


@pytest.mark.quick
@pytest.mark.parametrize("held", [False, True])
def test_derivatives_that_a_problem_brings_serve_unless_the_code_is_held(held):
    plain = least_squares("translation", 2)
    brought = {"pose": 3 * np.stack([shifted(axis) - np.eye(3) for axis in np.eye(2)])}
    problem = plain._replace(
        tangents=lambda datum, pose: ({"pose": pose}, jax.tree.map(np.float32, brought)),
        hold=lambda datum, pose: lambda there: {"pose": there},
    )
    linearise = jax.jit(functools.partial(gauss_newton.linearise, problem, held=held))
    local = linearise(shifted([0.2, -0.1]), shifted([0, 0]))
    np.testing.assert_allclose(
        local.gradient, (1 if held else 3) * np.array([-0.2, 0.1]), atol=1e-6
    )


@pytest.mark.quick
@pytest.mark.parametrize(("holds", "reach"), [(True, gauss_newton.OVERSTEP), (False, 1.0)])
def test_steps_at_a_held_code_reach_further(holds, reach):
    """Where a problem can hold one: the curvature is about twice the true one there."""
    problem = least_squares("translation", 2)
    if holds:
        problem = problem._replace(hold=lambda datum, pose: lambda there: {"pose": there})

    @jax.jit
    def moved(datum, pose):
        state = gauss_newton.begin(problem, datum, pose, held=True)
        return gauss_newton.advance(problem, datum, state, held=True).pose

    found = moved(shifted([0.2, -0.1]), shifted([0, 0]))
    step = reach * np.array([0.2, -0.1]) / (1 + gauss_newton.START)
    np.testing.assert_allclose(found, shifted(step), atol=1e-6)
