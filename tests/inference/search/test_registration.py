"""Registration: how many make each step, that held is held, that memory does not grow."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference.search import Problem, gauss_newton, registration, resolve, search
from avae_jax.inference.search.registration import rounds
from avae_jax.transform import family, identity, retract
from tests.support.analytic_problems import begin, dataset, losses_at, many_minima, run
from tests.support.least_squares import away as turned
from tests.support.least_squares import least_squares

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.mark.parametrize("starts", [1, 2, 7, 8, 32, 100])
@pytest.mark.parametrize("keep", [1, 2, 5])
@pytest.mark.parametrize("steps", [1, 2, 3, 8])
def test_rounds_shrink_to_what_is_kept(starts, keep, steps):
    keep = min(keep, starts)
    found = rounds(starts, keep, steps)
    assert len(found) == steps
    assert found[-1] == keep
    assert sorted(found, reverse=True) == found and found[0] <= starts
    if starts / 2**steps <= keep:
        assert found == [max(keep, math.ceil(starts / 2**n)) for n in range(1, steps + 1)]
    else:
        # Too few steps for halves: the same share is dropped at each.
        shares = [starts * (keep / starts) ** (n / steps) for n in range(1, steps + 1)]
        assert all(-1e-5 < n - share < 1 for n, share in zip(found, shares, strict=True))


def test_rounds_without_steps():
    """Without steps there are no rounds."""
    assert rounds(8, 2, 0) == []
    assert rounds(4, 4, 3) == [4, 4, 4]


def away(problem_size: int) -> jax.Array:
    group = family("rigid", 2)
    return retract(group, identity(2), jnp.linspace(0.2, 0.4, problem_size))


linearised = jax.jit(gauss_newton.linearise, static_argnames=("problem", "held"))


@pytest.mark.parametrize("held", [False, True])
def test_linearise_with_the_explanation_held(held):
    """The loss is the true one; the slope leaves out what the explanation would do."""
    problem = many_minima("rigid", 2, held=True)
    datum = jax.tree.map(lambda leaf: leaf[0], dataset("rigid", 2))
    pose = away(problem.size)

    def loss(alpha: jax.Array) -> jax.Array:
        moved = problem.retract(pose, alpha)
        outputs = problem.hold(datum, pose)(moved) if held else problem.predict(datum, moved)
        return problem.loss(datum, outputs)

    local = linearised(problem, datum, pose, held=held)
    slope = jax.jit(jax.grad(loss))(jnp.zeros(problem.size))
    value = jax.jit(problem.value)(datum, pose)
    np.testing.assert_allclose(local.loss, value, rtol=1e-5)
    np.testing.assert_allclose(local.gradient, slope, rtol=1e-4, atol=1e-4)
    assert (np.linalg.eigvalsh(local.curvature) > 0).all()
    other = linearised(problem, datum, pose, held=not held)
    assert np.abs(other.gradient - local.gradient).max() > 0.1


def test_linearise_without_held_in_full():
    """What holds nothing is differentiated in full."""
    problem = many_minima("rigid", 2)
    datum, pose = jax.tree.map(lambda leaf: leaf[0], dataset("rigid", 2)), away(problem.size)
    one, other = (linearised(problem, datum, pose, held=held) for held in (True, False))
    jax.tree.map(np.testing.assert_array_equal, one, other)


@functools.cache
def opaque() -> Problem:
    """Registration to a point cloud; the explanation, a network say, refuses derivatives."""

    @jax.custom_jvp
    def network(seen: jax.Array) -> jax.Array:
        return 0.5 * seen

    @network.defjvp
    def refuse(primals, tangents):
        raise TypeError("the explanation is differentiated")

    cloud = jnp.float32([[0.5, 0.1, 1], [-0.3, 0.4, 1], [0, -0.6, 1]]).T

    def explain(observed: jax.Array, pose: jax.Array) -> jax.Array:
        """The object in the canonical frame, half way from what is seen to the cloud."""
        return network(pose @ observed) + 0.5 * cloud

    def place(drawn: jax.Array, pose: jax.Array) -> jax.Array:
        return jnp.linalg.inv(pose) @ drawn

    return Problem(
        predict=lambda observed, pose: place(explain(observed, pose), pose),
        loss=lambda observed, points: ((points - observed) ** 2).sum(),
        retract=functools.partial(retract, family("rigid", 2)),
        size=3,
        hold=lambda observed, pose: functools.partial(place, explain(observed, pose)),
    )


@pytest.mark.full
def test_registration_differentiates_no_explanation():
    """Registering differentiates no explanation and still gets there."""
    problem, begun = opaque(), begin("rigid", 2, "random", 16)
    cloud = 2 * problem.hold(jnp.zeros((3, 3)), identity(2))(identity(2))
    applied = begin("rigid", 2, "even", 6)[0]
    data = applied @ cloud
    options = SearchOptions(starts=16, keep=1, steps=8, polish=0, method="register", distance=5.0)
    found = jax.jit(functools.partial(search, problem, options=options))(data, begun)
    np.testing.assert_allclose(found.pose @ applied, np.tile(np.eye(3), (6, 1, 1)), atol=0.02)
    with pytest.raises(TypeError, match="explanation is differentiated"):
        gauss_newton.linearise(problem, data[0], begun[0, 0])


@pytest.mark.full
def test_registration_polished_at_least_as_good():
    problem, data = many_minima("rotation", 2, held=True), dataset("rotation", 2)
    begun = begin("rotation", 2, "random", 8)
    registered, polished = (
        run(problem, data, begun, method="register", keep=2, steps=2, polish=polish, distance=0.0)
        for polish in (0, 2)
    )
    assert (polished.loss <= registered.loss + 1e-6).all()
    assert polished.loss.mean() < registered.loss.mean()
    assert (registered.loss <= losses_at(problem, data, begun).min(1) + 1e-6).all()


def traced_and_compiled(steps: int, starts: int, keep: int, **options) -> tuple[int, int]:
    """How many operations a search has when traced, and the bytes it works in."""
    full = resolve(
        SearchOptions(starts=starts, keep=keep, steps=steps, polish=0, **options),
        family("rotation", 2),
    )
    problem, data = many_minima("rotation", 2, held=True), dataset("rotation", 2)
    function = functools.partial(search, problem, options=full)
    traced = jax.jit(function).trace(data, begin("rotation", 2, "random", starts))
    memory = traced.lower().compile().memory_analysis().temp_size_in_bytes
    return str(traced.jaxpr).count(" = "), memory


@pytest.mark.full_cases("gauss_newton", "adam")
@pytest.mark.parametrize("method", ["register", "gauss_newton", "adam"])
def test_registration_program_and_memory_flat_in_steps(method):
    """Neither program nor memory grows with the steps."""
    few, many = (traced_and_compiled(steps, 4, 4, method=method) for steps in (4, 12))
    assert few == many
    assert few[0] > 100 and few[1] > 0


@pytest.mark.full
def test_registration_program_of_many_rounds_is_one_of_few():
    """What is halved to one candidate goes on in a loop."""
    few, many = (traced_and_compiled(steps, 4, 1, method="register") for steps in (4, 12))
    assert few == many


def test_rounds_begin_with_all_starts(monkeypatch):
    asked = []

    def recorded(*numbers):
        asked.append(numbers)
        return rounds(*numbers)

    monkeypatch.setattr(registration, "rounds", recorded)
    problem, begun = many_minima("rigid", 2, held=True), begin("rigid", 2, "even", 7)
    options = {"keep": 2, "steps": 3, "degrees": 15.0, "chunk": None}
    program = functools.partial(registration.register, problem, **options)
    jax.eval_shape(program, dataset("rigid", 2), begun)
    assert asked == [(7, 2, 3)]


@pytest.mark.quick
@pytest.mark.parametrize("steps", [0, 1])
def test_best_start_takes_no_place_where_it_is_kept_already(steps):
    """The other candidate, which is worse, stays what it is."""
    problem, data = least_squares("rotation", 2), identity(2)[None]
    begun = jnp.stack([identity(2), turned("rotation", 2, 150.0)])[None]
    options = {"keep": 2, "steps": steps, "degrees": 15.0, "chunk": None}
    register = jax.jit(functools.partial(registration.register, problem, **options))
    poses, losses, _ = register(data, begun)
    np.testing.assert_array_equal(poses[0, 0], np.eye(3))
    assert losses[0, 0] == 0
    assert losses[0, 1] > 0.1
