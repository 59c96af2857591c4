"""The functions that evaluate a batch, what a search costs, and that it finds poses."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from clubs import BATCH, SHAPE, Z, avae_of, images, trained, weights

from avae_jax import models
from avae_jax.config.options import ModelOptions, SearchOptions
from avae_jax.inference import batch
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.flops import forward_equivalents
from avae_jax.inference.problem import example_keys
from avae_jax.inference.search import resolve
from avae_jax.models.augmentation import pose_batch
from avae_jax.models.objective import affine_vae
from avae_jax.transform import family, frame, warp
from avae_jax.transform.matrices import affine, matmul, plane_rotation

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


def test_posed_examples_are_warped_by_the_poses_applied():
    avae, index = avae_of("affine"), np.array([5, 2, 9])
    x = images()[index]
    pose = jax.jit(functools.partial(batch.apply_poses, jax.random.key(0), avae=avae))
    observed, applied = pose(x, index)
    move = functools.partial(warp, fill=avae.fill, source=avae.inner, target=avae.inner)
    expected = jax.jit(jax.vmap(move))(x, applied)
    np.testing.assert_allclose(observed, expected, atol=1e-5)
    # Each example has its own pose, wherever in a batch it stands.
    again, poses = pose(x[::-1], index[::-1])
    np.testing.assert_allclose(poses[::-1], applied, atol=1e-6)
    np.testing.assert_allclose(again[::-1], observed, atol=1e-6)
    assert np.abs(applied[0] - applied[1]).max() > 0.01


@pytest.mark.parametrize("name", ["rotation", "affine"])
def test_views_are_the_stations_of_an_example_and_nothing_hides(name):
    avae, params = avae_of(name), weights()
    keys = example_keys(jax.random.key(0), np.arange(BATCH))
    x, poses = jax.jit(functools.partial(pose_batch, avae=avae))(keys, images()[:BATCH])
    views = jax.jit(functools.partial(batch.views, avae=avae))(params, x, poses)
    for picture in (views.canonical_input, views.canonical, views.reconstruction):
        assert picture.shape == (BATCH, *SHAPE, 1)
    assert views.mu.shape == (BATCH, Z)
    np.testing.assert_array_equal(views.outside, np.zeros(BATCH))
    # What is cropped is told from what interpolation makes of the border of the support.
    assert (np.asarray(views.cropped) < 0.1).all()
    still = jax.jit(functools.partial(batch.views, avae=avae))(
        params, x, batch.unmoved(x, avae=avae)
    )
    np.testing.assert_allclose(still.canonical_input, x, atol=1e-6)
    np.testing.assert_allclose(still.reconstruction, still.canonical, atol=1e-6)


def test_the_cost_of_the_recipe_of_the_original_work_is_360():
    avae, params = avae_of(), weights()
    group, x = avae.group, images()[0]
    cost = functools.partial(forward_equivalents, params, x, avae=avae, bank=None)
    assert cost(options=resolve(SearchOptions("original"), group)) == pytest.approx(360, rel=0.01)
    options = SearchOptions(kind="even", method="gauss_newton", starts=8, keep=2, steps=4)
    few = resolve(options, group)
    # A value with one tangent takes about two forward passes.
    assert 8 + 2 * (4 * 1.5 + 1) < cost(options=few) < 8 + 2 * (4 * 4 + 1)


@pytest.mark.parametrize("name", ["rotation", "affine"])
@pytest.mark.parametrize("polish", [0, 2])
def test_the_cost_of_registering_is_what_is_counted_by_hand(name, polish):
    """Where the network is most of a forward pass, as it is for images of a usual size."""
    group, sides = family(name, 2), (12, 12)
    network = ModelOptions("dense", latent=4, hidden=(1024, 1024))
    model, params = models.build(jax.random.key(0), sides, 1, options=network)
    avae = affine_vae(model, frame(sides), np.zeros(1), group=group)
    options = SearchOptions(
        method="register", kind="even", starts=16, keep=2, steps=3, polish=polish
    )
    cost = forward_equivalents(
        params, jnp.zeros((*sides, 1)), avae=avae, options=resolve(options, group), bank=None
    )
    # All 16, then 8, 4 and 2; then steps with P tangents, and a last value, for those 2.
    by_hand = 16 + 14 + 2 * (polish * (1 + group.size) + (polish > 0))
    assert cost == pytest.approx(by_hand, rel=0.2)


@functools.cache
def finder():
    """A compiled search among the right angles, and what it is given beside images."""
    options = SearchOptions(kind="right_angles", starts=4, keep=4, steps=0, polish=0)
    full = resolve(options, family("rotation", 2))
    keys = example_keys(jax.random.key(0), np.arange(8))
    return jax.jit(functools.partial(find_poses, avae=avae_of(), options=full)), keys


def test_the_search_lowers_the_loss_of_turned_examples():
    x, index, avae = images()[:8], np.arange(8), avae_of()
    (state, _), (find, keys) = trained("even", 30), finder()
    observed, _ = jax.jit(functools.partial(batch.apply_poses, jax.random.key(1), avae=avae))(
        x, index
    )
    found = find(state.params, keys, observed)
    loss = jax.jit(functools.partial(batch.losses, avae=avae))
    searched, still = (
        loss(state.params, jax.random.key(2), observed, index, poses)
        for poses in (found.pose, batch.unmoved(x, avae=avae))
    )
    assert searched.shape == (8,)
    assert searched.mean() < still.mean()


def test_a_quarter_turn_more_is_found_as_a_quarter_turn_less():
    """The search follows the object: found . applied stays what it is."""
    (state, _), (find, keys) = trained("even", 30), finder()
    quarter = affine(plane_rotation(jnp.float32(np.pi / 2), (0, 1), 2), jnp.zeros(2))
    x = images()[:8]
    before, after = find(state.params, keys, x), find(state.params, keys, jnp.rot90(x, 1, (1, 2)))
    np.testing.assert_allclose(after.loss, before.loss, rtol=1e-4)
    more = matmul(after.pose, quarter[None])
    np.testing.assert_allclose(more, before.pose, atol=1e-4)
