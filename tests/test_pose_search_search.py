"""The search on landscapes of matrices, known in closed form: it sees no images."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.options import RangeOptions, SearchOptions
from avae_jax.pose_search import Problem, SearchResult, resolve, search, starts
from avae_jax.pose_search.pairs import over_pairs
from avae_jax.transform import family, inverse, random_pose, retract
from avae_jax.transform.matrices import matmul, rotation_angle

BATCH = 6


pytestmark = pytest.mark.usefixtures("for_an_optimiser")


@functools.cache
def many_minima(name: str, d: int) -> Problem:
    """Least squares with one global minimum, 0 at `datum["pose"]`, among local ones.

    The outputs are the pose and a power of what it is off by. Where the first row
    of the pose passes `datum["limit"]`, the loss is `datum["beyond"]`; `datum["weight"]` 0
    makes all poses alike.
    """
    group, power = family(name, d), {2: 5, 3: 3}[d]

    def predict(datum: dict, pose: jax.Array) -> tuple[jax.Array, jax.Array]:
        apart = matmul(inverse(datum["pose"]), pose)
        return pose * datum["weight"], functools.reduce(matmul, [apart * datum["weight"]] * power)

    def loss(datum: dict, outputs: tuple[jax.Array, jax.Array]) -> jax.Array:
        target = datum["pose"], jnp.eye(d + 1)
        away = [
            ((a - b * datum["weight"]) ** 2).sum() for a, b in zip(outputs, target, strict=True)
        ]
        value = away[0] / 2 + away[1] / 4
        return jnp.where(outputs[0][0, 1] > datum["limit"], datum["beyond"], value)

    return Problem(predict, loss, functools.partial(retract, group), group.size)


@functools.cache
def poses_of(name: str, d: int) -> jax.Array:
    keys = jax.random.split(jax.random.key(7), BATCH)
    return jax.jit(jax.vmap(lambda key: random_pose(key, family(name, d), RangeOptions())))(keys)


def dataset(name: str, d: int, **changes) -> dict[str, jax.Array]:
    """`BATCH` poses to be found, and no trouble unless in `changes`."""
    single = {"limit": 9.0, "beyond": 0.0, "weight": 1.0} | changes
    return {"pose": poses_of(name, d)} | {
        key: jnp.full(BATCH, value) for key, value in single.items()
    }


@functools.cache
def begin(name: str, d: int, kind: str, count: int) -> jax.Array:
    group, keys = family(name, d), jax.random.split(jax.random.key(8), BATCH)
    make = functools.partial(starts, group=group, ranges=RangeOptions(), kind=kind, count=count)
    return jax.jit(jax.vmap(make))(keys)


@functools.cache
def compiled(problem: Problem, options: SearchOptions):
    return jax.jit(functools.partial(search, problem, options=options))


def run(problem: Problem, data: dict, begun: jax.Array, **options) -> SearchResult:
    d = begun.shape[-1] - 1
    full = resolve(SearchOptions(starts=begun.shape[1], **options), family("rotation", d))
    return compiled(problem, full)(data, begun)


@functools.partial(jax.jit, static_argnames=("problem", "chunk"))
def losses_at(problem: Problem, data: dict, poses: jax.Array, chunk: int | None = None):
    return over_pairs(problem.value, data, poses, chunk=chunk)


def degrees(poses: jax.Array, data: dict) -> np.ndarray:
    """Angles between the poses found and those looked for."""
    return np.degrees(rotation_angle(matmul(inverse(data["pose"]), poses)[:, :-1, :-1]))


METHODS = {
    "gauss_newton": {"method": "gauss_newton", "keep": 2, "steps": 4},
    "adam": {"preset": "source"},
}
both_methods = pytest.mark.parametrize("method", METHODS)


def settled(method: str) -> tuple[Problem, dict, jax.Array, dict]:
    """The problem, data, starts and options that many tests share, and so their program."""
    begun = begin("rotation", 2, "random" if method == "adam" else "even", 32)
    return many_minima("rotation", 2), dataset("rotation", 2), begun, METHODS[method]


@both_methods
def test_the_global_minimum_is_found_among_many_in_the_plane(method):
    problem, data, begun, options = settled(method)
    found = run(problem, data, begun, **options)
    assert (degrees(found.pose, data) < (0.1 if method == "gauss_newton" else 3)).all()
    assert (np.asarray(found.loss) < 0.02).all()
    assert not found.nonfinite.any()


def test_the_global_minimum_is_found_among_many_in_space():
    problem, data = many_minima("rotation", 3), dataset("rotation", 3)
    begun = begin("rotation", 3, "even", 256)
    found = run(problem, data, begun, method="gauss_newton", keep=4, steps=5)
    assert (degrees(found.pose, data) < 0.1).all()


@both_methods
def test_the_result_is_never_worse_than_the_best_start(method):
    problem, data, begun, options = settled(method)
    check(problem, data, begun, run(problem, data, begun, **options))


def test_an_optimiser_that_leaps_does_no_harm():
    problem, data = many_minima("rotation", 2), dataset("rotation", 2)
    begun, options = begin("rotation", 2, "random", 8), {"method": "adam", "learning_rate": 3.0}
    check(problem, data, begun, run(problem, data, begun, **options, keep=1, steps=3))


def check(problem: Problem, data: dict, begun: jax.Array, found: SearchResult) -> None:
    """Candidates come best first, each with its loss, the first no worse than any start."""
    assert (found.loss <= losses_at(problem, data, begun).min(1) + 1e-6).all()
    assert (np.diff(found.candidate_losses, axis=1) >= 0).all()
    np.testing.assert_array_equal(found.candidates[:, 0], found.pose)
    np.testing.assert_array_equal(found.candidate_losses[:, 0], found.loss)
    losses = losses_at(problem, data, found.candidates)
    np.testing.assert_allclose(found.candidate_losses, losses, rtol=1e-4, atol=1e-5)


def test_pairs_are_worked_in_chunks_of_any_size():
    problem, data = many_minima("rotation", 2), dataset("rotation", 2)
    begun = begin("rotation", 2, "random", 12)
    whole = losses_at(problem, data, begun)
    for chunk in (1, 7, 72, 10**6):
        np.testing.assert_allclose(losses_at(problem, data, begun, chunk), whole, rtol=1e-5)


def test_the_answer_does_not_depend_on_the_size_of_the_chunks():
    """7 pairs at once are scored, and 3 refined."""
    problem, data, begun, options = settled("gauss_newton")
    whole, pieces = (run(problem, data, begun, **options, chunk=chunk) for chunk in (None, 7))
    for part, expected in zip(pieces, whole, strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-4)


@both_methods
def test_the_answer_does_not_depend_on_the_order_of_the_starts(method):
    problem, data, begun, options = settled(method)
    order = np.random.default_rng(0).permutation(32)
    one, other = (run(problem, data, each, **options) for each in (begun, begun[:, order]))
    for part, expected in zip(one, other, strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-5)


@both_methods
def test_examples_do_not_know_each_other(method):
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


def test_compiled_and_eager_agree():
    """On shifts alone, since without compilation each operation is compiled by itself."""
    plain = Problem(
        predict=lambda datum, pose: pose,
        loss=lambda datum, pose: ((pose - datum) ** 2).sum(),
        retract=lambda pose, alpha: pose.at[:2, 2].add(alpha),
        size=2,
    )
    data, begun = jnp.eye(3)[None], np.tile(np.eye(3, dtype=np.float32), (1, 2, 1, 1))
    begun[0, :, 0, 2] = 0.2, 0.1
    full = resolve(SearchOptions(starts=2, keep=1, steps=1), family("translation", 2))
    eager, fast = search(plain, data, begun, options=full), compiled(plain, full)(data, begun)
    for part, expected in zip(eager, fast, strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-6)
    np.testing.assert_allclose(eager.pose, data, atol=0.01)


@both_methods
@pytest.mark.parametrize("beyond", [np.nan, np.inf, -np.inf])
def test_losses_that_are_not_finite_are_survived_and_counted(beyond, method):
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


@both_methods
def test_where_nothing_is_finite_a_start_comes_back_and_an_infinite_loss(method):
    problem, _, begun, options = settled(method)
    found = run(problem, dataset("rotation", 2, limit=-9.0, beyond=np.nan), begun, **options)
    assert np.isposinf(found.loss).all()
    assert (found.nonfinite == 32 + found.candidates.shape[1]).all()
    distance = np.abs(np.asarray(begun - found.pose[:, None])).max((2, 3)).min(1)
    np.testing.assert_array_equal(distance, np.zeros(BATCH))


@both_methods
def test_a_ring_has_no_pose_and_still_gets_one(method):
    """The loss is the same at every rotation: no slope, no curvature."""
    problem, _, begun, options = settled(method)
    found = run(problem, dataset("rotation", 2, weight=0.0), begun, **options)
    np.testing.assert_allclose(np.linalg.det(found.pose), np.ones(BATCH), rtol=1e-5)
    np.testing.assert_allclose(found.loss, np.zeros(BATCH), atol=1e-5)


@pytest.mark.parametrize(("method", "cost"), [("adam", 360), ("gauss_newton", 32 + 2 * 9)])
def test_the_cost_is_counted_for_each_example(method, cost):
    problem, data, begun, options = settled(method)
    found = run(problem, data, begun, **options)
    np.testing.assert_array_equal(found.cost, np.full(BATCH, cost))


def test_without_refinement_the_best_starts_come_back():
    """Of the four right angles all, whatever is asked for; one example or many."""
    problem, data = many_minima("rotation", 2), dataset("rotation", 2)
    full = SearchOptions(starts=32, keep=8, steps=0, distance=15.0)
    begun = begin("rotation", 2, "right_angles", 32)
    found = compiled(problem, full)(data, begun)
    assert found.candidates.shape == (BATCH, 4, 3, 3)
    check(problem, data, begun, found)
    np.testing.assert_array_equal(found.cost, np.full(BATCH, 8))
    # Examples that are dropped are not missed.
    fewer = compiled(problem, full)(jax.tree.map(lambda leaf: leaf[::2], data), begun[::2])
    for part, expected in zip(fewer, found, strict=True):
        np.testing.assert_allclose(part, expected[::2], atol=1e-5)
