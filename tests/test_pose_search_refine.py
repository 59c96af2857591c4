"""Refinement of one pose: Gauss-Newton and the optimiser, on least squares of matrices."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from avae_jax.inference.search import Problem, first_order, gauss_newton
from avae_jax.transform import family, identity, retract
from avae_jax.transform.matrices import rotation_angle

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


@functools.cache
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


ADAM = optax.adam(0.3)


@functools.cache
def compiled(problem: Problem, optimiser: optax.GradientTransformation | None, **options):
    if optimiser is None:
        return jax.jit(functools.partial(gauss_newton.refine, problem, **options))
    return jax.jit(functools.partial(first_order.refine, problem, optimiser=optimiser, **options))


def refined(problem: Problem, start, datum, *, optimiser=None, **options) -> tuple:
    """The refined pose and its loss, as numpy arrays."""
    return jax.device_get(compiled(problem, optimiser, **options)(datum, start))


def test_gauss_newton_is_there_in_three_steps_from_twenty_degrees():
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


def test_the_curvature_is_that_of_the_loss_where_the_outputs_fit():
    problem = least_squares("affine", 3)
    pose = away("affine", 3, 30.0)
    local = jax.jit(functools.partial(gauss_newton.linearise, problem))(pose, pose)

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


def test_the_optimiser_walks_to_the_minimum():
    problem, target = least_squares("rotation", 3), away("rotation", 3, 20.0)
    walk = functools.partial(refined, problem, identity(3), target, optimiser=optax.adam(0.05))
    (_, early), (pose, late) = walk(steps=5), walk(steps=40)
    assert late < early < problem.value(target, identity(3))
    assert degrees(pose, target) < 1


both_methods = pytest.mark.parametrize("optimiser", [None, ADAM], ids=["gauss_newton", "adam"])


@both_methods
def test_the_pose_returned_is_the_best_one_met(optimiser):
    """Also when steps are too long: the loss is that of the pose, and not of the last one."""
    problem = least_squares("rotation", 2)
    for angle in (0.5, 5.0, 170.0):
        target = away("rotation", 2, angle)
        pose, loss = refined(problem, identity(2), target, optimiser=optimiser, steps=4)
        assert loss == pytest.approx(float(problem.value(target, jnp.asarray(pose))), abs=1e-6)
        assert loss <= problem.value(target, identity(2))


@both_methods
def test_a_loss_that_is_not_finite_never_wins(optimiser):
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
def test_an_unrolled_loop_is_the_rolled_one(optimiser):
    problem, target = least_squares("rotation", 2), away("rotation", 2, 30.0)
    walk = functools.partial(refined, problem, identity(2), target, optimiser=optimiser, steps=4)
    for one, other in zip(walk(), walk(unroll=True), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
