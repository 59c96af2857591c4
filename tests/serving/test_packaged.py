"""Tests of `avae_jax.pretrained`."""

import numpy as np
import pytest

import avae_jax
from avae_jax import data
from avae_jax.serving.packaged import FOLDER

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_pretrained_digits_finds_poses_without_training():
    """Held-out digits, turned: the search explains them far better than no search."""
    posed = avae_jax.pretrained("digits")
    source = avae_jax.DataOptions(source="digits", size=24, scale=2.0)
    turned = np.rot90(data.load(source, seed=0).test[:16], axes=(1, 2))
    found = posed.find(turned)
    still = np.broadcast_to(np.eye(3, dtype=np.float32), found.pose.shape)
    drawn = posed.reconstruct(turned, poses=still)
    assert ((posed.reconstruct(turned, poses=found.pose) - turned) ** 2).mean() < 0.6 * (
        (drawn - turned) ** 2
    ).mean()


def test_pretrained_models_are_small_and_named():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.npz")) < 3e6
    with pytest.raises(avae_jax.InputError, match="pretrained..digts..: digits, did you mean"):
        avae_jax.pretrained("digts")
