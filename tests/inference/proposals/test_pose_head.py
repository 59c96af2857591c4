"""Tests of `avae_jax.inference.proposals.pose_head`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.flops import forward_equivalents
from avae_jax.inference.proposals.pose_head import PoseHead
from avae_jax.inference.search import resolve
from tests.support.head_cases import OPTIONS, TURNS, observed, ranked, scene

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@functools.cache
def finder():
    """A compiled search, its options and what it is given besides a bank."""
    avae, params, _, _ = scene()
    options, (x, _) = resolve(OPTIONS, avae.group), observed(4)
    find = jax.jit(functools.partial(find_poses, avae=avae, options=options))
    keys = jax.random.split(jax.random.key(2), len(x))
    return functools.partial(find, params, keys, x), options


def test_head_fresh_leaves_the_logits():
    """A fresh head leaves the logits as they are."""
    (_, _, built, head), (x, _) = scene(), observed(4)
    plain, learned = (ranked(one, x) for one in (built, built._replace(head=head.params)))
    assert plain.logits.shape == (4, TURNS)
    np.testing.assert_array_equal(learned.logits, plain.logits)
    np.testing.assert_array_equal(learned.poses, plain.poses)


@pytest.mark.full
def test_head_untrained_costs_no_loss():
    """An untrained head costs time but not loss."""
    avae, params, built, head = scene()
    find, options = finder()
    plain, learned = (find(bank=one) for one in (built, built._replace(head=head.params)))
    np.testing.assert_array_equal(learned.pose, plain.pose)
    np.testing.assert_array_equal(learned.loss, plain.loss)
    cost = functools.partial(
        forward_equivalents, params, observed(4)[0][0], avae=avae, options=options
    )
    assert cost(bank=built._replace(head=head.params)) > cost(bank=built)


@pytest.mark.full
def test_head_that_knows_nothing_good_survived():
    """Weights that are not finite, or noise: proposals stay poses, the loss stays finite."""
    (_, _, built, head), (find, _) = scene(), finder()
    for spoil in (lambda leaf: leaf * jnp.nan, lambda leaf: leaf + 3):
        worse = jax.tree.map(spoil, head.params)
        found = find(bank=built._replace(head=worse))
        assert np.isfinite(found.loss).all()
        np.testing.assert_allclose(np.linalg.det(found.pose), np.ones(4), rtol=1e-4)


@pytest.mark.quick
def test_head_of_a_faint_image_is_that_of_a_fainter_contrast():
    """A deviation of a thousandth halves the standardised image; so no faint image is blown up."""
    seen = np.where(np.arange(16) % 2, 1, -1).astype(np.float32).reshape(4, 4, 1)
    head, none = PoseHead(3), np.zeros(3, np.float32)
    params = jax.jit(head.init)(jax.random.key(0), seen, none)
    params = jax.tree.map(lambda leaf: leaf + np.float32(0.01), params)
    params = jax.tree.map_with_path(
        lambda path, leaf: 0 * leaf if path[-1].key == "bias" else leaf, params
    )
    logits = jax.jit(head.apply)
    np.testing.assert_allclose(
        logits(params, np.float32(1e-3) * seen, none), logits(params, seen, none) / 2, rtol=2e-3
    )
