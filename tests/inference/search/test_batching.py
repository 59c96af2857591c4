"""Pairs that are chosen: only they are worked, and alone they decide their results."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference.search import resolve, search
from avae_jax.inference.search.batching import over_chosen, over_pairs
from avae_jax.transform import family
from tests.support.analytic_problems import begin, dataset, many_minima

BATCH, COUNT = 6, 5


def choices(kind: str) -> np.ndarray:
    chosen = np.random.default_rng(0).random((BATCH, COUNT)) < 0.5
    return {
        "some": chosen,
        "none": np.zeros_like(chosen),
        "all": np.ones_like(chosen),
        "last": np.arange(BATCH * COUNT).reshape(BATCH, COUNT) == BATCH * COUNT - 1,
    }[kind]


def product_and_sum(datum, candidate):
    return datum["a"] @ candidate, candidate + datum["a"]


@functools.cache
def chosen_in_chunks(chunk: int | None):
    """One program for every choice."""
    return jax.jit(functools.partial(over_chosen, product_and_sum, chunk=chunk))


@functools.cache
def every_pair():
    return jax.jit(functools.partial(over_pairs, product_and_sum, chunk=None))


@pytest.mark.parametrize("kind", ["some", "none", "all", "last"])
@pytest.mark.parametrize("chunk", [None, 1, 4, 100])
def test_over_chosen_pairs_alone_have_results(kind, chunk):
    """Chosen pairs have their results and others their default."""
    rng = np.random.default_rng(1)
    data = {"a": rng.random((BATCH, 3)).astype(np.float32)}
    candidates = rng.random((BATCH, COUNT, 3)).astype(np.float32)
    alone, pair = np.full((BATCH, COUNT), -1.0), np.zeros((BATCH, COUNT, 3))
    default = np.float32(alone), np.float32(pair)
    chosen = choices(kind)
    found = chosen_in_chunks(chunk)(data, candidates, chosen, default=default)
    every = every_pair()(data, candidates)
    for one, full, other in zip(found, every, default, strict=True):
        mask = chosen.reshape(BATCH, COUNT, *(1,) * (one.ndim - 2))
        np.testing.assert_allclose(one, np.where(mask, full, other), rtol=1e-6)


@pytest.mark.full
@pytest.mark.usefixtures("for_an_optimiser")
@pytest.mark.parametrize("method", ["line", "gauss_newton", "adam"])
def test_search_of_chosen_starts_alone(method):
    """A search of chosen starts is a search of these alone."""
    problem, data = many_minima("rotation", 2), dataset("rotation", 2)
    begun = begin("rotation", 2, "even", 8)
    given = SearchOptions(starts=8, keep=2, steps=2, method=method, kind="even")
    options = resolve(given, family("rotation", 2))
    some = jnp.arange(8)[None] < jnp.array([2, 5, 5, 2, 5, 2])[:, None]
    call = jax.jit(functools.partial(search, problem, options=options))
    found = call(data, begun, chosen=some)
    np.testing.assert_array_equal(found.scored, some.sum(1))
    assert np.all(found.nonfinite == 0)
    for one, count in enumerate(some.sum(1)):
        alone = jax.tree.map(lambda leaf, one=one: leaf[one : one + 1], data)
        expected = call(alone, begun[one : one + 1, :count])
        np.testing.assert_allclose(found.loss[one], expected.loss[0], rtol=1e-4, atol=1e-5)
        assert found.refined[one] == expected.refined[0]


@pytest.mark.standard
@pytest.mark.parametrize("keep", [2, 3])
def test_search_does_not_refine_beyond_the_margin(keep):
    """Candidates beyond the margin are starts still."""
    problem, data = many_minima("rotation", 2), dataset("rotation", 2)
    begun = begin("rotation", 2, "even", 8)

    def cost_with(margin: float):
        given = SearchOptions(starts=8, keep=keep, method="line", kind="even", margin=margin)
        options = resolve(given, family("rotation", 2))
        return jax.jit(functools.partial(search, problem, options=options))(data, begun)

    narrow, wide = cost_with(0.0), cost_with(1e9)
    assert np.all(narrow.refined == 1) and np.all(wide.refined == keep)
    assert np.all(narrow.refined < wide.refined) and np.all(wide.loss <= narrow.loss)
    others = np.asarray(narrow.candidates)[:, 1:, None]
    assert (np.abs(others - np.asarray(begun)[:, None]).max((-1, -2)).min(-1) < 1e-6).all()


@pytest.mark.parametrize("chunk", [None, 4, 5])
def test_over_chosen_works_the_last_group_part_filled(chunk):
    """Groups of several pairs, whose last one the chosen do not fill."""
    batch, count = 26, 3
    chosen = (np.arange(batch * count) % 3 == 0).reshape(batch, count)
    candidates = np.arange(batch * count, dtype=np.float32).reshape(batch, count)
    call = functools.partial(over_chosen, lambda datum, one: datum + one, chunk=chunk)
    default, ones = -np.ones((batch, count), np.float32), np.ones(batch, np.float32)
    found = jax.jit(call)(ones, candidates, chosen, default=default)
    np.testing.assert_array_equal(found, np.where(chosen, candidates + 1, -1))


@pytest.mark.parametrize(
    ("batch", "chunk", "size"),
    [(50, None, 12), (50, 1, 1), (50, 4, 4), (50, 100, 12), (20, None, 8), (3, None, 3)],
)
def test_over_chosen_works_few_pairs_at_once(batch, chunk, size):
    """A quarter of the examples or eight, and no more than a chunk: that bounds the memory."""
    sizes = []

    @jax.custom_batching.custom_vmap
    def function(datum, one):
        return datum + one

    @function.def_vmap
    def _(axis_size, in_batched, datum, one):
        sizes.append(axis_size)
        return datum + one, True

    pairs = np.zeros((batch, 3), np.float32)
    call = functools.partial(over_chosen, function, chunk=chunk)
    jax.eval_shape(call, pairs[:, 0], pairs, pairs > 0, default=pairs)
    assert set(sizes) == {size}
