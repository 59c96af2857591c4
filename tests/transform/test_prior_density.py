"""Tests of `avae_jax.transform.prior_density`."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.transform import family, inverse
from avae_jax.transform.matrices import factorise, rotation_angle
from avae_jax.transform.mixture import uniform_points
from avae_jax.transform.prior_density import log_volume, prior_pose

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
RANGES = RangeOptions(shift=0.1, scale=1.3, shear=0.3)


def prior_poses(name: str, d: int, count: int, ranges: RangeOptions = RANGES) -> jax.Array:
    group = family(name, d)
    u = uniform_points(jax.random.key(0), (count, group.size + 1))
    return jax.jit(jax.vmap(functools.partial(prior_pose, group, ranges)))(u)


def test_log_volume_of_all_rotations():
    """The volume of all rotations is the one known."""
    assert log_volume(family("rotation", 2), RANGES) == pytest.approx(math.log(2 * math.pi))
    assert log_volume(family("rotation", 3), RANGES) == pytest.approx(math.log(8 * math.pi**2))
    both = RangeOptions(reflect=True)
    assert log_volume(family("rotation", 2), both) == pytest.approx(math.log(4 * math.pi))


def test_prior_pose_fills_the_ranges_as_data():
    """Poses of the prior fill the ranges as data do."""
    ranges = RangeOptions(rotation=60.0, shift=0.1, scale=1.3, shear=0.3)
    found = jax.jit(lambda poses: factorise(inverse(poses)))(prior_poses("affine", 3, 4000, ranges))
    angles = np.degrees(rotation_angle(found.rotation))
    limits = (found.shift, 0.2), (jnp.log(found.scale), math.log(1.3)), (found.shear, 0.3)
    for values, limit in limits:
        share = np.abs(np.asarray(values)) / limit
        assert share.max() < 1 + 0.05 / limit
        # Uniform, but for what lies behind the walls.
        assert share.mean() == pytest.approx(0.5, abs=0.05)
    # By Haar's measure the cube of a small angle is about uniform.
    assert angles.max() < 63
    assert ((angles / 60) ** 3).mean() == pytest.approx(0.5, abs=0.05)
