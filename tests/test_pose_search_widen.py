"""Widening: only doubtful examples are searched again, and none ends worse."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blobs import blobs, drawing
from landscapes import begin, dataset, many_minima

from avae_jax.options import SearchOptions
from avae_jax.pose_search import resolve, search, widen
from avae_jax.posing import build_bank, find_poses, first_starts, forward_equivalents
from avae_jax.transform import family

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


@functools.cache
def searches():
    """A search from 2 starts, and a function that widens it to 6 more where told."""
    problem, data = many_minima("rotation", 2, held=True), dataset("rotation", 2)
    given = SearchOptions(starts=2, keep=1, steps=2, polish=1, kind="random", method="register")
    full = resolve(given, family("rotation", 2))
    begun = begin("rotation", 2, "random", 8)
    again = functools.partial(search, problem, options=full)
    first = jax.jit(again)(data, begun[:, :2])
    further = jax.jit(again)(data, begun[:, 2:])
    wider = jax.jit(lambda doubtful: widen(first, doubtful, again, data, begun[:, 2:]))
    return first, further, wider


@pytest.mark.parametrize("doubtful", ["000000", "111111", "010010", "000001"])
def test_each_doubtful_example_takes_the_better_of_two_results(doubtful):
    first, further, wider = searches()
    asked = np.array([letter == "1" for letter in doubtful])
    found = wider(jnp.asarray(asked))
    np.testing.assert_array_equal(found.widened, asked)
    better = np.asarray(further.loss < first.loss)
    assert better.any() and not better.all()
    for name in ("pose", "loss", "candidates", "candidate_losses"):
        one, other = getattr(first, name), getattr(further, name)
        shape = (-1,) + (1,) * (one.ndim - 1)
        expected = np.where((asked & better).reshape(shape), other, one)
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-5)
    np.testing.assert_allclose(found.cost, first.cost + asked * further.cost)


def settings(name: str, **edits):
    avae, params = drawing(blobs((8, 8)), name)
    options = resolve(SearchOptions(prototypes=1, **edits), avae.group)
    built = build_bank(params, jnp.zeros((1, 2)), avae=avae, options=options)
    return avae, params, options, built


@pytest.mark.parametrize(
    ("name", "edits", "total", "first"),
    [
        ("rotation", {"turns": 4, "starts": 3, "widen": 12}, 4, 3),
        ("rotation", {"turns": 4, "starts": 5, "widen": 2}, 4, 4),
        ("rotation", {"turns": 4, "starts": 3, "widen": 1, "keep": 2}, 4, 4),
        ("translation", {"turns": 8, "starts": 5, "widen": 12}, 1, 1),
        ("rotation", {"kind": "right_angles", "starts": 2}, 4, 4),
        ("rotation", {"kind": "even", "starts": 5}, 5, 5),
    ],
    ids=str,
)
def test_fewer_starts_than_are_asked_for_are_no_trouble(name, edits, total, first):
    avae, params, options, built = settings(
        name, **{"keep": 1, "steps": 1, "polish": 0, "doubt": 0.0} | edits
    )
    x, keys = params["image"][None], jax.random.split(jax.random.key(0), 1)
    find = jax.jit(functools.partial(find_poses, avae=avae, options=options))
    found = find(params, keys, x, bank=built)
    assert np.isfinite(found.loss).all() and np.isfinite(found.pose).all()
    # Some probability is always elsewhere, where there is an elsewhere.
    assert found.widened == (first < total)
    assert first_starts(total, options=options) == first
    cost = functools.partial(
        forward_equivalents, params, x[0], avae=avae, options=options, bank=built
    )
    assert (cost(widened=1.0) > cost(widened=0.0)) == found.widened
