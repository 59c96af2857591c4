"""Tests of `avae_jax.pretrained`."""

import numpy as np
import pytest

import avae_jax
from avae_jax import data
from avae_jax.serving.packaged import FOLDER

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def explains_far_better_than_no_search(posed, turned):
    """Whether held-out examples, turned, are drawn better where the search has found their pose."""
    found = posed.find(turned)
    still = np.broadcast_to(np.eye(found.pose.shape[-1], dtype=np.float32), found.pose.shape)
    kept, moved = (posed.reconstruct(turned, poses=poses) for poses in (still, found.pose))
    return ((moved - turned) ** 2).mean() < 0.6 * ((kept - turned) ** 2).mean()


def test_pretrained_digits_finds_poses_without_training():
    source = avae_jax.DataOptions(source="digits", size=24, scale=2.0)
    turned = np.rot90(data.load(source, seed=0).test[:16], axes=(1, 2))
    assert explains_far_better_than_no_search(avae_jax.pretrained("digits"), turned)


@pytest.mark.full
def test_pretrained_chairs_finds_poses_without_training(avae_data):
    file = avae_data / "modelnet10" / "chair_32.npz"
    source = avae_jax.DataOptions(source=f"npz:{file}", size=16, scale=0.37)
    turned = np.rot90(data.load(source, seed=0).test[:16], axes=(1, 3))
    assert explains_far_better_than_no_search(avae_jax.pretrained("chairs"), turned)


def test_pretrained_models_are_small_and_named():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.npz")) < 3e6
    with pytest.raises(
        avae_jax.InputError, match="digts..: one of chairs, digits, did you mean digits"
    ):
        avae_jax.pretrained("digts")
    assert avae_jax.pretrained("digits") is avae_jax.pretrained("digits")
