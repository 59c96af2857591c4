"""Tests of `avae_jax.inference.synchronisation.pairs`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.proposals.template_bank import rotations
from avae_jax.inference.synchronisation import pairs
from avae_jax.transform import frame, identity
from tests.support.tiny_vae import avae_of, images

pytestmark = pytest.mark.standard


in_standard_position = jax.jit(functools.partial(pairs.in_standard_position, avae=avae_of()))


def found(x):
    avae, standard = avae_of(), in_standard_position(jnp.asarray(x))
    return pairs.similar_pairs(standard, rotations(avae.group, avae.ranges, 72), avae=avae)


def strength(blocks):
    return np.linalg.norm(blocks, axis=(-2, -1)) / np.sqrt(2)


def test_similar_pairs_of_a_turned_image_is_its_turn():
    club = np.asarray(images()[0])
    told = found(np.stack([club, np.rot90(club)]))
    assert told.neighbours.tolist() == [[1], [0]]
    # The neighbour of the second is the first, a quarter turn from the first axis to the second.
    block = told.rotations[1, 0] / strength(told.rotations[1, 0])
    np.testing.assert_allclose(block, [[0, -1], [1, 0]], atol=0.1)
    np.testing.assert_allclose(told.rotations[0, 0], told.rotations[1, 0].T, atol=0.05)


def test_similar_pairs_say_nothing_where_two_turns_fit_equally():
    bar = np.zeros((7, 7, 1), np.float32)
    bar[3, 1:6] = 1
    club = np.asarray(images()[0])
    bars, clubs = found(np.stack([bar, bar])), found(np.stack([club, club]))
    assert strength(bars.rotations).max() < 0.05 < 0.5 < strength(clubs.rotations).min()


def test_similar_pairs_are_of_the_most_similar():
    short, long = np.asarray(images()[0]), np.asarray(images()[1])
    kept = pairs.NEIGHBOURS + pairs.TESTS
    x = np.stack([short, long] * (kept - 2))
    told = found(x)
    assert told.neighbours.shape == (len(x), kept)
    alike = told.neighbours % 2 == np.arange(len(x))[:, None] % 2
    # The three that are left are of the other kind, and last.
    assert alike[:, : kept - 3].all() and not alike[:, kept - 3 :].any()
    assert (np.diff(told.weights) <= 0).all()
    assert told.ranks(0, 2).neighbours.tolist() == told.neighbours[:, :2].tolist()
    assert (told.neighbours != np.arange(len(x))[:, None]).all()


def test_in_standard_position_subtracts_the_background():
    blank = in_standard_position(jnp.zeros((2, 7, 7, 1)))
    assert not np.asarray(blank.images).any() and np.isfinite(np.asarray(blank.poses)).all()


@pytest.mark.quick
@pytest.mark.parametrize("shape", [(4, 3), (3, 4, 2)])
def test_vectors_are_the_images_of_unit_length(shape):
    """Each of its own pixels and channels, and nothing for an image of nothing."""
    x = np.random.default_rng(0).random((3, *shape, 2), np.float32)
    x[1] = 0
    images = jnp.asarray(np.moveaxis(x, 0, -2).reshape(*shape, -1))
    turn = jax.jit(lambda images, pose: pairs._vectors(images, pose, frame(shape), 3))
    rows = x.reshape(3, -1)
    expected = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    found = turn(images, identity(len(shape)))
    np.testing.assert_allclose(found, expected, atol=1e-6)
