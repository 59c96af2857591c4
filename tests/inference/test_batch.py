"""The functions that evaluate a batch, what a search costs, and that it finds poses."""

import functools

import jax
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference import batch
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.problem import example_keys
from avae_jax.inference.search import resolve
from avae_jax.models.augmentation import pose_batch
from avae_jax.transform import family, warp
from tests.support.tiny_vae import BATCH, SHAPE, Z, avae_of, images, trained, weights

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_apply_poses_warps_by_the_poses_returned():
    """Posed examples are warped by the poses applied."""
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
def test_views_show_every_station(name):
    """Views are the stations of an example and nothing hides."""
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


@functools.cache
def finder():
    """A compiled search among the right angles, and what it is given beside images."""
    options = SearchOptions(kind="right_angles", starts=4, keep=4, steps=0, polish=0)
    full = resolve(options, family("rotation", 2))
    keys = example_keys(jax.random.key(0), np.arange(8))
    return jax.jit(functools.partial(find_poses, avae=avae_of(), options=full)), keys


@pytest.mark.full
def test_losses_lowered_by_the_search():
    """The search lowers the loss of turned examples."""
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
