"""Tests of `avae_jax.models.networks.patches`."""

import jax
import numpy as np
import pytest

from avae_jax.config.options import ModelOptions
from avae_jax.models import build
from avae_jax.models.networks.conv import depth_to_space, space_to_depth
from avae_jax.models.networks.patches import PatchEncoder
from tests.support.small_networks import SMALL, Z, model_of


@pytest.mark.parametrize("shape", [(4, 6, 3), (2, 4, 6, 1)])
def test_space_to_depth_comes_back(shape):
    """Space to depth keeps blocks together and comes back."""
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    d = len(shape) - 1
    deep = space_to_depth(x)
    assert deep.shape == (*(side // 2 for side in shape[:-1]), 2**d * shape[-1])
    block = x[(slice(2, 4),) * (d - 1) + (slice(0, 2),)] if d == 2 else x[:2, 2:4, :2]
    corner = (1, 0) if d == 2 else (0, 1, 0)
    np.testing.assert_array_equal(deep[corner], block.reshape(-1))
    np.testing.assert_array_equal(depth_to_space(deep), x)


def test_patches_of_a_stage_share_weights():
    """Patches of a stage share their weights."""
    options = ModelOptions("patches", latent=1, hidden=(4,), channels=(2, 3))
    counted = [
        jax.eval_shape(lambda shape=shape: build(jax.random.key(0), shape, 1, options=options)[1])
        for shape in ((8, 8), (16, 16))
    ]
    for params in counted:
        stages = params["params"]["encoder"]
        assert stages["Dense_0"]["kernel"].shape == (16, 2)
        assert stages["Dense_1"]["kernel"].shape == (8, 3)
    assert counted[1]["params"]["encoder"]["Dense_2"]["kernel"].shape == (12, 4)


@pytest.mark.standard
def test_patches_see_their_own_pixels_alone():
    """A patch sees its own pixels alone."""
    model, params = model_of("patches", (16, 16), 1)
    stages = PatchEncoder(Z, SMALL["channels"], SMALL["hidden"])
    x = np.random.default_rng(0).random((16, 16, 1), np.float32)
    other = x.copy()
    other[9, 10] = 0.0
    seen = [
        stages.apply(
            {"params": params["params"]["encoder"]},
            one,
            capture_intermediates=lambda module, _: module.name == "Dense_0",
        )[1]["intermediates"]["Dense_0"]["__call__"][0]
        for one in (x, other)
    ]
    changed = np.argwhere((seen[0] != seen[1]).any(-1))
    np.testing.assert_array_equal(changed, [[2, 2]])
