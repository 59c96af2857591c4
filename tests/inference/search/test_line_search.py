"""The line search: parabolas, both sides, what it never does."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.search import Problem, line_search
from avae_jax.inference.search.line_search import Met, vertex
from tests.support.analytic_problems import begin, dataset, many_minima


def met(*pairs: tuple[float, float]) -> Met:
    return Met(*np.float32(pairs).T)


@functools.cache
def vertex_out(out: float):
    return jax.jit(functools.partial(vertex, out=out))


@pytest.mark.standard
@pytest.mark.parametrize("others", [(-0.3, 0.1), (-0.05, 0.4), (-0.2, 0.21)])
@pytest.mark.parametrize("centre", [-0.01, 0.02])
def test_vertex_of_a_parabola(others, centre):
    """The vertex of a parabola is found."""
    points = [(a, 5 + 3 * (a - centre) ** 2) for a in (0.0, *others)]
    # What is far away, or not known, changes nothing.
    points += [(0.9, 50.0), (0.01, jnp.inf)]
    if abs(centre) > line_search.CLOSE:
        np.testing.assert_allclose(vertex(met(*points), out=1.0), centre, atol=1e-4)


@pytest.mark.standard
def test_vertex_never_on_top_of_the_best():
    """The next value is never on top of the best."""
    # Flat around the best, or its vertex there: towards the wider side.
    for height in (0.0, 1.0):
        found = vertex(met((0.0, 0.0), (-0.1, height), (0.1, height), (0.3, 2.0)), out=1.0)
        assert line_search.CLOSE <= abs(float(found)) < 0.1
    assert float(vertex(met((0.0, 0.0), (-0.3, 9.0), (0.1, 1.0)), out=1.0)) < 0


@pytest.mark.parametrize(("other", "expected"), [(-0.1, 0.5), (0.1, -0.5)])
def test_vertex_steps_out_at_an_edge(other, expected):
    np.testing.assert_allclose(vertex_out(0.5)(met((0.0, 1.0), (other, 2.0))), expected)


def along(function) -> Problem:
    """A problem whose pose is a number, kept in the corner of a matrix."""
    return Problem(
        predict=lambda datum, pose: pose[0, 0],
        loss=lambda datum, output: function(output, *datum),
        retract=lambda pose, alpha: pose + alpha[0],
        size=1,
    )


@functools.cache
def refiner(function, halvings: int, parabolas: int):
    """One program for every start and whatever else `function` takes."""
    problem, options = along(function), {"halvings": halvings, "parabolas": parabolas}

    def refine(pose, datum):
        loss = function(pose[0, 0], *datum)
        return line_search.refine(problem, datum, pose, loss, **options)

    return jax.jit(refine)


def refined(function, start: float, *datum: float, halvings: int = 2, parabolas: int = 2):
    pose = np.full((1, 1), start, np.float32)
    found, loss = refiner(function, halvings, parabolas)(pose, tuple(map(np.float32, datum)))
    return float(found[0, 0]), float(loss)


@pytest.mark.standard
def test_refine_steps_over_dents():
    """Dents are stepped over."""

    # A valley with dents every 3 degrees, each as deep as the valley is over 5 degrees.
    def dented(angle):
        return 30 * angle**2 + 0.1 * (1 - jnp.cos(angle * 120))

    for start in np.linspace(-0.1, 0.1, 9):
        found, loss = refined(dented, float(start), parabolas=4)
        assert loss < dented(0.052) / 2, (start, found, loss)


def test_refine_parabola_at_once():
    """A parabola is met at once and the loss belongs to the pose."""

    def parabola(a):
        return 2 + (a - 0.01) ** 2

    for start in (-0.08, 0.0, 0.03):
        found, loss = refined(parabola, start)
        assert abs(found - 0.01) < line_search.CLOSE
        np.testing.assert_allclose(loss, 2 + (found - 0.01) ** 2, rtol=1e-6)


def walled(a, value):
    return jnp.where(a > 0.01, value, (a - 0.05) ** 2)


@pytest.mark.parametrize("value", [jnp.nan, jnp.inf, -jnp.inf])
def test_refine_survives_a_wall_not_finite(value):
    """A wall of non finite values is survived."""
    found, loss = refined(walled, 0.0, value)
    assert np.isfinite(loss) and found <= 0.01 and loss <= np.float32(0.05) ** 2


def test_refine_all_not_finite_leaves_the_pose():
    found, loss = refined(lambda a: a * jnp.nan, 0.25)
    assert found == 0.25 and not np.isfinite(loss)


def test_refine_costs_what_it_says():
    seen = []
    problem = along(lambda a: a**2)
    traced = problem._replace(loss=lambda datum, a: jax.debug.callback(seen.append, a) or a**2)
    refine = functools.partial(line_search.refine, traced, (), halvings=2, parabolas=3)
    jax.jit(refine)(np.zeros((1, 1), np.float32), np.zeros((), np.float32))
    jax.effects_barrier()
    assert len(seen) == line_search.values(2, 3) == 7


@pytest.mark.standard
def test_refine_finds_a_rotation_five_degrees_away():
    """A rotation is found from five degrees away."""
    problem, data = many_minima("rotation", 2), dataset("rotation", 2)
    poses = begin("rotation", 2, "even", 32)
    score = jax.jit(jax.vmap(jax.vmap(problem.value, (None, 0))))(data, poses)
    best = jnp.take_along_axis(poses, score.argmin(1)[:, None, None, None], 1)[:, 0]
    refine = functools.partial(line_search.refine, problem, halvings=3, parabolas=6)
    _, losses = jax.jit(jax.vmap(refine))(data, best, score.min(1))
    assert np.all(losses < 1e-3) and np.all(losses <= score.min(1))


@pytest.mark.standard
@pytest.mark.parametrize("halvings", [0, 1])
def test_refine_steps_out_as_far_as_its_pairs(halvings):
    """Without pairs as far as the first would be."""
    found, _ = refined(lambda a: 2 + a, 0.0, halvings=halvings, parabolas=1)
    np.testing.assert_allclose(found, -(1 + halvings) * line_search.REACH, rtol=1e-5)
