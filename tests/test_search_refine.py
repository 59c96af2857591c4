"""Refinement of one pose: Gauss-Newton and the optimiser, on least squares of matrices."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from avae_jax.search import Problem, gauss_newton, gradient
from avae_jax.transform import family, identity, retract
from avae_jax.transform.matrices import rotation_angle


def least_squares(name: str, d: int) -> Problem:
    """The pose itself, against the pose that is the datum."""
    group = family(name, d)
    return Problem(
        predict=lambda datum, pose: {"pose": pose},
        loss=lambda datum, outputs: ((outputs["pose"] - datum) ** 2).sum() / 2,
        retract=functools.partial(retract, group),
        size=group.size,
    )


def degrees(pose: jax.Array, other: jax.Array) -> float:
    d = pose.shape[-1] - 1
    return float(np.degrees(rotation_angle(jnp.asarray(pose[:d, :d].T @ other[:d, :d]))))


def away(name: str, d: int, angle: float) -> jax.Array:
    """A pose `angle` degrees from no turn."""
    group = family(name, d)
    alpha = np.zeros(group.size, np.float32)
    turned = [i for i, name in enumerate(group.generators) if name.startswith("rotation")]
    alpha[turned] = np.radians(angle) / np.sqrt(len(turned))
    return retract(group, identity(d), jnp.asarray(alpha))


def refined(problem: Problem, start: jax.Array, target: jax.Array, **options) -> tuple:
    """The refined pose and its loss, as numpy arrays."""
    adam = "optimiser" in options
    refine = functools.partial((gradient if adam else gauss_newton).refine, problem, **options)
    # The optimiser mixes its integer count with floats.
    with jax.numpy_dtype_promotion("standard"):
        return jax.device_get(jax.jit(refine)(target, start))


@pytest.mark.parametrize(("name", "d"), [("rotation", 2), ("rotation", 3), ("rigid", 2)])
def test_gauss_newton_is_there_in_three_steps_from_twenty_degrees(name, d):
    problem, target = least_squares(name, d), away(name, d, 20.0)
    errors = [
        degrees(refined(problem, identity(d), target, steps=steps)[0], target)
        for steps in (1, 2, 3)
    ]
    assert errors[0] < 2
    # The damping, which falls as steps succeed, bounds the rate.
    assert errors[1] < 0.02
    assert errors[2] < 0.001 or errors[2] < errors[1] / 100


def test_gauss_newton_takes_back_what_does_not_help():
    """From beyond the wall of a narrow valley; the loss never rises with more steps."""
    narrow = least_squares("affine", 2)._replace(
        loss=lambda datum, outputs: jnp.log1p(1e3 * ((outputs["pose"] - datum) ** 2).sum())
    )
    start = away("affine", 2, 100.0)
    losses = [float(narrow.value(identity(2), start))]
    losses += [float(refined(narrow, start, identity(2), steps=n)[1]) for n in (1, 3, 8, 30)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.1 * losses[0]


def test_the_curvature_is_that_of_the_loss_where_the_outputs_fit():
    problem = least_squares("affine", 3)
    pose = away("affine", 3, 30.0)
    local = gauss_newton.linearise(problem, pose, pose)

    def loss(alpha: jax.Array) -> jax.Array:
        return problem.value(pose, problem.retract(pose, alpha))

    zero = jnp.zeros(problem.size)
    np.testing.assert_allclose(local.curvature, jax.jit(jax.hessian(loss))(zero), atol=1e-5)
    np.testing.assert_allclose(local.gradient, np.zeros(problem.size), atol=1e-6)
    assert local.loss == 0


def test_the_step_solves_the_damped_system_and_is_never_too_long():
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


@pytest.mark.parametrize("d", [2, 3])
def test_the_optimiser_walks_to_the_minimum(d):
    problem, target = least_squares("rotation", d), away("rotation", d, 20.0)
    walk = functools.partial(refined, problem, identity(d), target, optimiser=optax.adam(0.05))
    losses = [walk(steps=steps)[1] for steps in (1, 5, 40)]
    assert losses == sorted(losses, reverse=True)
    assert degrees(walk(steps=40)[0], target) < 1


@pytest.mark.parametrize("options", [{}, {"optimiser": optax.adam(10.0)}])
def test_the_pose_returned_is_the_best_one_met(options):
    """Also when steps are far too long: the loss is that of the pose, and not the last."""
    problem, target = least_squares("rotation", 2), away("rotation", 2, 5.0)
    for steps in (1, 4):
        pose, loss = refined(problem, identity(2), target, steps=steps, **options)
        assert loss == pytest.approx(float(problem.value(target, jnp.asarray(pose))), abs=1e-6)
        assert loss <= problem.value(target, identity(2))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("options", [{}, {"optimiser": optax.adam(0.3)}])
def test_a_loss_that_is_not_finite_never_wins(options, bad):
    """The minimum lies where the loss is not finite; what is returned lies before it."""
    problem, target = least_squares("rotation", 2), away("rotation", 2, 40.0)
    trapped = problem._replace(
        loss=lambda datum, outputs: jnp.where(
            outputs["pose"][1, 0] > 0.5, bad, problem.loss(datum, outputs)
        )
    )
    pose, loss = refined(trapped, identity(2), target, steps=6, **options)
    assert np.isfinite(pose).all() and np.isfinite(loss)
    assert loss == pytest.approx(float(problem.value(target, jnp.asarray(pose))), abs=1e-6)
    assert loss <= problem.value(target, identity(2))


@pytest.mark.parametrize("options", [{}, {"optimiser": optax.adam(0.05)}])
def test_an_unrolled_loop_is_the_rolled_one(options):
    problem, target = least_squares("affine", 2), away("affine", 2, 30.0)
    rolled, unrolled = (
        refined(problem, identity(2), target, steps=4, unroll=unroll, **options)
        for unroll in (False, True)
    )
    for one, other in zip(rolled, unrolled, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
