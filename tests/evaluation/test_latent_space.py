"""Tests of `avae_jax.evaluation.latent_space`."""

import types

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.evaluation import latent_space


def test_principal_places_codes_along_widest_axes():
    """Codes are placed along their widest axes."""
    random = np.random.default_rng(0)
    spread = random.normal(size=(50, 3)) * [0.1, 3.0, 1.0]
    place, shares = latent_space.principal(spread.astype(np.float32) + 5)
    np.testing.assert_allclose(place[:, 0], spread[:, 1] - spread[:, 1].mean(), atol=0.3)
    np.testing.assert_allclose(np.var(place, axis=0) / np.var(spread, axis=0).sum(), shares)
    assert shares[0] > 0.8 > 0.15 > shares[1]
    alone, shares = latent_space.principal(np.array([[1.0], [2.0]]))
    np.testing.assert_allclose(alone, [[-0.5, 0.0], [0.5, 0.0]])
    assert shares == (1.0, 0.0)
    one, _ = latent_space.principal(np.ones((1, 4)))
    np.testing.assert_array_equal(one, np.zeros((1, 2)))


def test_neighbours_are_the_nearest_others():
    codes = np.array([[0.0], [1.0], [5.0], [5.5]])
    np.testing.assert_array_equal(latent_space.neighbours(codes)[:, 0], [1, 0, 3, 2])
    assert latent_space.neighbours(codes).shape == (4, 3)
    assert latent_space.neighbours(codes[:1]).shape == (1, 0)


def test_representatives_are_first_of_their_labels():
    labels = np.array([2, 0, 2, 1, 0])
    assert latent_space.representatives(labels, 5, 8) == [0, 1, 3]
    assert latent_space.representatives(labels, 5, 2) == [1, 3]
    assert latent_space.representatives(None, 5, 3) == [0, 1, 2]


def test_walks_go_through_the_mean_and_from_end_to_end(monkeypatch):
    """A model whose objects are the codes themselves."""

    def decode(params, codes, upright, *, avae):
        return jnp.asarray(codes)[:, None, :, None]

    monkeypatch.setattr(latent_space, "decode", decode)
    codes = np.random.default_rng(0).normal(size=(30, 3)) * [3.0, 1.0, 0.2]
    task = types.SimpleNamespace(avae=types.SimpleNamespace(group=types.SimpleNamespace(d=2)))
    trained = types.SimpleNamespace(params=None)
    labels = np.arange(30) % 3
    found = latent_space.walks(task, trained, codes, labels, np.eye(3))
    middle = found.axes[:, len(found.stops) // 2, 0, :, 0]
    np.testing.assert_allclose(middle, np.tile(codes.mean(axis=0), (3, 1)), atol=1e-5)
    far = found.axes[0, -1, 0, :, 0] - middle[0]
    assert np.linalg.norm(far) == pytest.approx(2.5 * np.std(codes[:, 0]), rel=0.05)
    assert sum(found.shares) == pytest.approx(1) and found.shares[0] > found.shares[1]
    np.testing.assert_array_equal(found.pairs, [[0, 1], [0, 2], [1, 2]])
    np.testing.assert_allclose(found.between[1, [0, -1], 0, :, 0], codes[[0, 2]], atol=1e-5)
