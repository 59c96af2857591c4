"""Tests of `avae_jax.inference.synchronisation.agreement`."""

import numpy as np
import pytest
from scipy.stats import ortho_group, special_ortho_group

from avae_jax.inference.synchronisation import agreement
from avae_jax.inference.synchronisation.agreement import agreed_rotations, confirmation
from avae_jax.inference.synchronisation.pairs import Pairs


def pairs_of(true, neighbours, *, wrong=0.0, seed=0):
    """What exact pairs say, a share of them replaced by any rotation."""
    random, d = np.random.default_rng(seed), true.shape[-1]
    said = np.einsum("nij,nkmj->nkim", true, true[neighbours])
    lost = random.random(neighbours.shape) < wrong
    said[lost] = special_ortho_group(d, seed=random).rvs(lost.sum()).reshape(-1, d, d)
    return Pairs(neighbours, said.astype(np.float32), np.ones(neighbours.shape))


def others(count, kept, seed=1):
    random = np.random.default_rng(seed)
    rows = [
        random.choice(np.delete(np.arange(count), k), kept, replace=False) for k in range(count)
    ]
    return np.sort(rows, 1)


def spread(found, true):
    """Largest distance of the common pose of an example from that of the first."""
    common = np.swapaxes(found, -1, -2) @ true
    return np.abs(common - common[0]).max()


@pytest.mark.parametrize("d", [2, 3])
def test_agreed_rotations_of_exact_pairs_are_exact(d):
    true = special_ortho_group(d, seed=4).rvs(30)
    found = agreed_rotations(pairs_of(true, others(30, 5)))
    assert spread(found, true) < 1e-4
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-4)


@pytest.mark.parametrize("d", [2, 3])
def test_agreed_rotations_outvote_wrong_pairs(d):
    """Of some 24 pairs of an example 30 % say anything: their mean errs by about 9 degrees."""
    true = special_ortho_group(d, seed=4).rvs(60)
    found = agreed_rotations(pairs_of(true, others(60, 12), wrong=0.3))
    common = np.swapaxes(found, -1, -2) @ true
    right = np.linalg.norm(common - np.median(common, 0), axis=(1, 2)) < 0.73  # 30 degrees
    assert right.mean() > 0.95


def test_agreed_rotations_allow_mirror_images_where_told():
    true = ortho_group(2, seed=3).rvs(30)
    assert len(set(np.sign(np.linalg.det(true)))) == 2
    told = pairs_of(true, others(30, 5))
    assert spread(agreed_rotations(told, mirrored=True), true) < 1e-4
    np.testing.assert_allclose(np.linalg.det(agreed_rotations(told)), 1, atol=1e-4)


def test_agreed_rotations_leave_examples_without_pairs():
    true = special_ortho_group(2, seed=2).rvs(4)
    told = pairs_of(true, np.array([[1], [0], [3], [2]]))
    told.rotations[2:] = 0
    found = agreed_rotations(told)
    np.testing.assert_array_equal(found[2:], np.broadcast_to(np.eye(2), (2, 2, 2)))
    assert spread(found[:2], true[:2]) < 1e-4


def test_confirmation_is_high_for_objects_and_near_nothing_for_noise():
    true = special_ortho_group(2, seed=4).rvs(200)
    neighbours = others(200, 12)
    for wrong, low, high in ((0.0, 0.99, 1.0), (0.3, 0.6, 0.8), (1.0, -0.15, 0.15)):
        told = pairs_of(true, neighbours, wrong=wrong)
        used = told.ranks(0, 8)
        found = agreed_rotations(used)
        assert low <= round(confirmation(told.ranks(8, 12), used, found), 4) <= high
    # Noise confirms what was made of it.
    assert confirmation(used, told.ranks(8, 12), found) > 0.3


def test_confirmation_hears_no_pair_twice_and_needs_one():
    true = special_ortho_group(2, seed=4).rvs(3)
    told = pairs_of(true, np.array([[1, 2], [0, 2], [0, 1]]))
    used = told.ranks(0, 1)
    # Of the second pairs, that of 0 and 2 is used by 2; that of 1 and 2 is not.
    assert confirmation(told, told, true) == 0.0
    assert confirmation(told.ranks(1, 2), used, true) == pytest.approx(1.0)


def test_strongest_partners_after_a_merger_are_those_of_a_fresh_look():
    """Rows that named one of the two groups, and rows whose agreement with the new one rose."""
    chance = np.random.default_rng(0)
    for kept, gone in chance.permuted(np.tile(np.arange(8), (20, 1)), axis=1)[:, :2]:
        strength = np.triu(chance.random((8, 8)), 1)
        strength += strength.T
        best, partner = strength.max(1), strength.argmax(1)
        row = chance.random(8)
        row[[kept, gone]] = 0
        strength[kept], strength[:, kept] = row, row
        strength[gone] = strength[:, gone] = 0
        agreement._update_best(strength, best, partner, kept, gone)
        np.testing.assert_array_equal(best, strength.max(1))
        np.testing.assert_array_equal(strength[np.arange(8), partner], best)
