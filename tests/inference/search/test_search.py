"""The search on landscapes known in closed form: what it finds, and on what it does not depend."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference.search import Problem, SearchResult, gauss_newton, resolve, search
from avae_jax.transform import family, inverse
from avae_jax.transform.matrices import matmul
from tests.support.analytic_problems import (
    BATCH,
    METHODS,
    begin,
    compiled,
    dataset,
    degrees,
    losses_at,
    many_minima,
    run,
    settled,
)

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
every_method = pytest.mark.parametrize("method", METHODS)


@every_method
def test_search_finds_the_global_minimum_in_the_plane(method):
    """The global minimum is found among many in the plane."""
    problem, data, begun, options = settled(method)
    found = run(problem, data, begun, **options)
    assert (degrees(found.pose, data) < (3 if method == "adam" else 0.1)).all()
    assert (np.asarray(found.loss) < 0.02).all()
    assert not found.nonfinite.any()


@pytest.mark.full_cases("True")
@pytest.mark.parametrize("held", [False, True])
def test_search_landscape_has_local_minima(held):
    """Some starts, each refined by itself, end elsewhere and worse."""
    problem, data = many_minima("rotation", 2, held=held), dataset("rotation", 2)
    begun = begin("rotation", 2, "random", 32)
    found = run(problem, data, begun, method="gauss_newton", keep=32, steps=12)
    away = np.asarray(found.candidate_losses)
    assert (away.max(1) > 0.3).all()
    assert (away.min(1) < 1e-3).all()


@pytest.mark.full_cases("register-steps1")
@pytest.mark.parametrize(
    ("method", "steps"), [("gauss_newton", {"steps": 5}), ("register", {"steps": 8, "polish": 0})]
)
def test_search_finds_the_global_minimum_in_space(method, steps):
    """The global minimum is found among many in space."""
    problem = many_minima("rotation", 3, held=method == "register")
    data, begun = dataset("rotation", 3), begin("rotation", 3, "even", 256)
    found = run(problem, data, begun, method=method, keep=4, **steps)
    assert (degrees(found.pose, data) < 0.1).all()


@every_method
def test_search_never_worse_than_the_best_start(method):
    """The result is never worse than the best start."""
    problem, data, begun, options = settled(method)
    check(problem, data, begun, run(problem, data, begun, **options))


@pytest.mark.parametrize(
    "options",
    [
        {"method": "adam", "learning_rate": 3.0, "steps": 3},
        {"method": "register", "steps": 1, "polish": 0},
        {"method": "register", "steps": 0, "polish": 0},
        {"method": "register", "steps": 0, "polish": 2},
    ],
    ids=str,
)
def test_search_survives_leaps_and_too_few_steps(options):
    """Leaps and too few steps do no harm."""
    problem = many_minima("rotation", 2, held=options["method"] == "register")
    data, begun = dataset("rotation", 2), begin("rotation", 2, "random", 8)
    check(problem, data, begun, run(problem, data, begun, **options, keep=1))


def check(problem: Problem, data: dict, begun: jax.Array, found: SearchResult) -> None:
    """Candidates come best first, each with its loss, the first no worse than any start."""
    assert (found.loss <= losses_at(problem, data, begun).min(1) + 1e-6).all()
    assert (np.diff(found.candidate_losses, axis=1) >= 0).all()
    np.testing.assert_array_equal(found.candidates[:, 0], found.pose)
    np.testing.assert_array_equal(found.candidate_losses[:, 0], found.loss)
    losses = losses_at(problem, data, found.candidates)
    np.testing.assert_allclose(found.candidate_losses, losses, rtol=1e-4, atol=1e-5)


def test_search_independent_of_the_chunks_worked():
    """Pairs are worked in chunks of any size."""
    problem, data = many_minima("rotation", 2), dataset("rotation", 2)
    begun = begin("rotation", 2, "random", 12)
    whole = losses_at(problem, data, begun)
    for chunk in (1, 7, 72, 10**6):
        np.testing.assert_allclose(losses_at(problem, data, begun, chunk), whole, rtol=1e-5)


@pytest.mark.full_cases("register-7", "adam-1")
@pytest.mark.parametrize(("method", "chunk"), [("register", 7), ("gauss_newton", 7), ("adam", 1)])
def test_search_answer_independent_of_chunk_size(chunk, method):
    """Of 7 pairs scored at once, 3 are refined at once; 1 is the least there can be."""
    problem, data, begun, options = settled(method)
    whole, pieces = (run(problem, data, begun, **options, chunk=size) for size in (None, chunk))
    same(pieces, whole, atol=1e-4)


@every_method
def test_search_answer_independent_of_the_order_of_starts(method):
    """The answer does not depend on the order of the starts."""
    problem, data, begun, options = settled(method)
    order = np.random.default_rng(0).permutation(32)
    one, other = (run(problem, data, each, **options) for each in (begun, begun[:, order]))
    same(one, other, atol=1e-5)


def same(found: SearchResult, expected: SearchResult, *, atol: float) -> None:
    for part, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, other, atol=atol)


@every_method
def test_search_examples_independent(method):
    """What the others are, whether they are sound, and where they stand makes no difference."""
    problem, data, begun, options = settled(method)
    together = run(problem, data, begun, **options)
    bad = data | {"weight": data["weight"].at[1::2].set(jnp.nan)}
    spoiled = run(problem, bad, begun, **options)
    back = run(problem, jax.tree.map(lambda leaf: leaf[::-1], data), begun[::-1], **options)
    for part, other, reversed_ in zip(together, spoiled, back, strict=True):
        np.testing.assert_allclose(part[::2], other[::2], atol=1e-5)
        np.testing.assert_allclose(part, reversed_[::-1], atol=1e-5)
    assert np.isposinf(spoiled.loss[1::2]).all()


@pytest.mark.full
@pytest.mark.parametrize("method", ["gauss_newton", "register"])
def test_search_compiled_as_eager(method):
    """On shifts alone, since without compilation each operation is compiled by itself."""
    plain = Problem(
        predict=lambda datum, pose: pose,
        loss=lambda datum, pose: ((pose - datum) ** 2).sum(),
        retract=lambda pose, alpha: pose.at[:2, 2].add(alpha),
        size=2,
    )
    data, begun = jnp.eye(3)[None], np.tile(np.eye(3, dtype=np.float32), (1, 2, 1, 1))
    begun[0, :, 0, 2] = 0.2, 0.1
    polish = int(method == "register")
    options = SearchOptions(starts=2, keep=1, steps=1, polish=polish, method=method)
    full = resolve(options, family("translation", 2))
    eager, fast = search(plain, data, begun, options=full), compiled(plain, full)(data, begun)
    same(eager, fast, atol=1e-6)
    np.testing.assert_allclose(eager.pose, data, atol=0.01)


@pytest.mark.parametrize("method", ["gauss_newton", "register", "line"])
def test_search_without_refinement_returns_best_starts(method):
    """Of the four right angles all, whatever is asked for; one example or many."""
    problem, data = many_minima("rotation", 2), dataset("rotation", 2)
    asked = {"starts": 32, "keep": 8, "steps": 0, "polish": 0, "margin": 1e9}
    full = SearchOptions(**asked, distance=15.0, method=method)
    begun = begin("rotation", 2, "right_angles", 32)
    found = compiled(problem, full)(data, begun)
    assert found.candidates.shape == (BATCH, 4, 3, 3)
    check(problem, data, begun, found)
    np.testing.assert_array_equal(found.scored, np.full(BATCH, 4))
    # Examples that are dropped are not missed.
    fewer = compiled(problem, full)(jax.tree.map(lambda leaf: leaf[::2], data), begun[::2])
    for part, expected in zip(fewer, found, strict=True):
        np.testing.assert_allclose(part, expected[::2], atol=1e-5)


@every_method
def test_search_turns_with_the_landscape(method):
    """No direction is favoured: all poses times one more turn, and the answer follows."""
    problem, data, begun, options = settled(method)
    turn = begin("rotation", 2, "random", 1)[0, 0]
    first = run(problem, data, begun, **options)
    moved = data | {"pose": matmul(turn[None], data["pose"])}
    then = run(problem, moved, matmul(turn[None, None], begun), **options)
    np.testing.assert_allclose(then.loss, first.loss, atol=1e-4)
    back = functools.partial(matmul, inverse(turn)[None])
    np.testing.assert_allclose(back(then.pose), first.pose, atol=1e-2 if method == "adam" else 1e-3)


def test_search_refinement_that_spoils_a_pose_is_undone(monkeypatch):
    """Poses and losses are those of the starts where refinement ends worse."""
    problem, data, begun, options = settled("gauss_newton")
    full = resolve(SearchOptions(starts=32, **options), family("rotation", 2))

    def spoil(problem, datum, pose, **_):
        return problem.retract(pose, jnp.ones(1)), jnp.float32(1e3)

    monkeypatch.setattr(gauss_newton, "refine", spoil)
    # Not the program of other tests, whose refinement is sound.
    found = jax.jit(functools.partial(search, problem, options=full))(data, begun)
    np.testing.assert_allclose(found.loss, losses_at(problem, data, begun).min(1), rtol=1e-5)
    check(problem, data, begun, found)
