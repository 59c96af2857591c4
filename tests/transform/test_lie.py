"""Tests of `avae_jax.transform.lie`."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.core.errors import InputError
from avae_jax.transform import family, retract
from avae_jax.transform.lie import brackets, coordinates, log_stretch
from avae_jax.transform.matrices import affine, plane_rotation
from avae_jax.transform.mixture import uniform_points
from avae_jax.transform.prior_density import prior_pose

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
RANGES = RangeOptions(shift=0.1, scale=1.3, shear=0.3)
FAMILIES = [("rotation", 2), ("rotation", 3), ("similarity", 2), ("affine", 2)]


def prior_poses(name: str, d: int, count: int, ranges: RangeOptions = RANGES) -> jax.Array:
    group = family(name, d)
    u = uniform_points(jax.random.key(0), (count, group.size + 1))
    return jax.jit(jax.vmap(functools.partial(prior_pose, group, ranges)))(u)


@pytest.mark.parametrize(("name", "d"), [*FAMILIES, ("affine", 3)])
def test_coordinates_undo_retract(name, d):
    """Coordinates are the inverse of moving a pose."""
    group, poses = family(name, d), prior_poses(name, d, 64)
    alpha = 0.6 * jax.random.normal(jax.random.key(1), (64, group.size))

    def there_and_back(pose: jax.Array, alpha: jax.Array) -> jax.Array:
        return coordinates(group, pose, retract(group, pose, alpha))

    found = jax.jit(jax.vmap(there_and_back))(poses, alpha)
    np.testing.assert_allclose(found, alpha, atol=1e-4)


def test_coordinates_none_for_half_turns_and_mirrors():
    """Half a turn and a mirror image have no coordinates."""
    half = affine(plane_rotation(jnp.float32(math.pi), (0, 1), 2), jnp.zeros(2))
    for name, other in (("rigid", half), ("rotation", jnp.diag(jnp.float32([1, -1, 1])))):
        assert not np.isfinite(coordinates(family(name, 2), jnp.eye(3), other)).all()


def test_log_stretch_of_rotations_in_space():
    """The stretch of rotations in space is the one known."""
    group, alpha = family("rotation", 3), jnp.float32([0.5, -1.2, 2.0])
    angle = float(jnp.sqrt((alpha**2).sum()))
    expected = math.log(2 * (1 - math.cos(angle)) / angle**2)
    assert log_stretch(group, alpha) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "name", ["rotation+shift_x", "rotation+shear_yx", "rotation+scale+scale_x"]
)
def test_brackets_refuse_a_family_that_is_no_group(name):
    """A family that is no group is refused."""
    with pytest.raises(InputError, match="group"):
        brackets(family(name, 2))
