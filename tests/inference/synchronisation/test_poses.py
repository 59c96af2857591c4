"""Tests of `avae_jax.inference.synchronisation.poses`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax import data
from avae_jax.config.options import DataOptions, RangeOptions
from avae_jax.evaluation.pose_metrics import label_means, pose_errors, resultant_length
from avae_jax.inference.synchronisation import poses
from avae_jax.models.affine_model import affine_vae
from avae_jax.models.augmentation import pose_batch
from avae_jax.transform import family, frame
from tests.support.tiny_vae import avae_of

pytestmark = pytest.mark.standard


def of_side(side, name, d, **ranges):
    """An affine VAE without a network: registration needs none."""
    options = RangeOptions(**{"shift": 0.1, "scale": 1.2, "shear": 0.1, **ranges})
    model = avae_of().model
    return affine_vae(model, frame((side,) * d), np.zeros(1), group=family(name, d), ranges=options)


def bodies(count):
    """Bodies without symmetry, of two kinds, in grey."""
    x = np.zeros((count, 24, 24, 1), np.float32)
    x[:, 8:16, 3:21] = 0.8
    x[:, 16, 18:21] = 1.0
    x[::2, 7, 3:6] = 0.6
    return x * np.random.default_rng(0).uniform(0.7, 1, (count, 1, 1, 1))


def common_poses(x, avae):
    """From examples at random poses to the poses on which they agree, `[N, d + 1, d + 1]`."""
    keys = jax.random.split(jax.random.key(1), len(x))
    pose = jax.jit(lambda keys, x: pose_batch(keys, x, avae=avae))
    posed, applied = pose(keys, jnp.asarray(x, jnp.float32))
    found = poses.agreed_poses(posed, avae=avae).poses
    return found @ np.asarray(applied)


def agreement(x, labels, avae):
    """Resultant length of `common_poses`."""
    return resultant_length(common_poses(x, avae), labels)


@pytest.mark.parametrize(
    ("name", "ranges"),
    [
        ("rotation", {}),
        ("rigid", {}),
        ("affine", {}),
        ("rotation", {"reflect": True}),
    ],
)
def test_agreed_poses_give_each_kind_one_pose(name, ranges):
    avae = of_side(24, name, 2, **ranges)
    found, labels = common_poses(bodies(24), avae), np.arange(24) % 2
    assert resultant_length(found, labels) > 0.97
    # In one place too, whatever their turn and shift were.
    assert pose_errors(found, label_means(found, labels)).shift.max() < 0.05


@pytest.mark.full
def test_agreed_poses_of_volumes_give_each_kind_one_pose():
    solids = data.load(DataOptions(source="solids", limit=60), seed=0)
    avae = of_side(solids.train.shape[1], "rigid", 3)
    assert agreement(solids.train, solids.train_labels, avae) > 0.97


def test_agreed_poses_are_confirmed_for_objects_alone():
    avae = of_side(24, "rotation", 2)
    noise = np.random.default_rng(2).normal(size=(60, 24, 24, 1)).astype(np.float32)
    assert poses.agreed_poses(jnp.asarray(noise), avae=avae).confirmed < 0.25
    posed, _ = jax.jit(lambda keys, x: pose_batch(keys, x, avae=avae))(
        jax.random.split(jax.random.key(1), 60), jnp.asarray(bodies(60), jnp.float32)
    )
    assert poses.agreed_poses(posed, avae=avae).confirmed > 0.9


def test_agreed_poses_of_one_example_and_of_nothing_are_finite():
    avae = of_side(24, "rotation", 2)
    assert np.isfinite(poses.agreed_poses(jnp.zeros((3, 24, 24, 1)), avae=avae).poses).all()
    assert poses.agreed_poses(jnp.zeros((1, 24, 24, 1)), avae=avae).poses.shape == (1, 3, 3)


@pytest.mark.parametrize(
    ("name", "d", "ranges", "can"),
    [
        ("rotation", 2, {}, True),
        ("rigid", 3, {}, True),
        ("rotation_yx", 3, {}, True),
        ("rotation_yx+rotation_zy", 3, {}, False),
        ("translation", 2, {}, False),
        ("rotation", 2, {"rotation": 90.0}, False),
        ("rotation", 2, {"right_angles": True}, False),
    ],
)
def test_can_agree_wants_a_whole_group_of_rotations(name, d, ranges, can):
    assert poses.can_agree(family(name, d), RangeOptions(**ranges)) is can
