"""Objects of other proportions, which the benchmark's models of volumes learn from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.search.deform import deform, stretched

KEY = jax.random.key(0)


def places_of(count: int, by: float) -> np.ndarray:
    """The places of 32 pixels by `count` keys, in one program."""

    @jax.jit
    def places():
        keys = jax.random.split(jax.random.key(0), count)
        return jax.vmap(lambda key: stretched(key, 32, by=by))(keys)

    return np.asarray(places())


def test_deform_folds_and_moves_nothing():
    """Nothing is folded and nothing moves on the average."""
    places = places_of(100, 0.4)
    assert (np.diff(places) > 0).all()
    np.testing.assert_allclose(places.mean(1), 15.5, atol=1e-4)


def test_stretched_by_the_size_asked_for():
    """The stretch has the size that was asked for."""
    places = places_of(4000, 0.1)
    # Differences of neighbours average two places, which dampens waves by next to nothing.
    assert np.log(np.diff(places)).std() == pytest.approx(0.1, rel=0.03)


@pytest.mark.standard
@pytest.mark.parametrize("shape", [(12, 9, 2), (8, 10, 6, 1)])
def test_stretched_by_nothing_changes_nothing(shape):
    """No stretch changes nothing."""
    x = np.random.default_rng(0).random(shape, np.float32)
    fill = jnp.full(shape[-1], 0.25)
    np.testing.assert_allclose(deform(KEY, x, fill, by=0.0), x, atol=1e-6)


@pytest.mark.standard
def test_deform_stretches_every_axis_and_fills_from_outside():
    """Every axis is stretched in a way of its own and fill comes from outside."""
    middle = np.zeros((16, 16, 16, 1), np.float32)
    middle[4:12, 4:12, 4:12] = 1
    sizes = []
    for key in jax.random.split(KEY, 20):
        x = np.asarray(deform(key, middle, jnp.zeros(1), by=0.3))
        sizes.append([x.max(tuple({0, 1, 2, 3} - {axis})).sum() for axis in range(3)])
    spread = np.std(sizes, 0)
    assert (spread > 0.5).all()
    assert np.abs(np.corrcoef(np.transpose(sizes))[np.triu_indices(3, 1)]).max() < 0.8
    full = deform(KEY, np.ones((8, 8, 1), np.float32), jnp.ones(1), by=0.5)
    np.testing.assert_allclose(full, 1, atol=1e-6)


@pytest.mark.standard
def test_deform_same_key_same_object():
    """The same key gives the same object."""
    x = np.random.default_rng(0).random((8, 8, 8, 1), np.float32)
    same = [deform(KEY, x, jnp.zeros(1), by=0.2) for _ in range(2)]
    np.testing.assert_array_equal(*same)
