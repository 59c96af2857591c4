"""Local coordinates, the measure of poses, the prior as a probability, and mixtures."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.core.errors import InputError
from avae_jax.transform import family, inverse, retract
from avae_jax.transform.lie import brackets, coordinates, log_stretch
from avae_jax.transform.matrices import affine, factorise, plane_rotation, rotation_angle
from avae_jax.transform.mixture import Mixture, draw, level, log_density, points
from avae_jax.transform.prior_density import log_prior, log_volume, prior_pose

pytestmark = pytest.mark.usefixtures("for_an_optimiser")
RANGES = RangeOptions(shift=0.1, scale=1.3, shear=0.3)
FAMILIES = [("rotation", 2), ("rotation", 3), ("similarity", 2), ("affine", 2)]


def prior_poses(name: str, d: int, count: int, ranges: RangeOptions = RANGES) -> jax.Array:
    group = family(name, d)
    u = points(jax.random.key(0), (count, group.size + 1))
    return jax.jit(jax.vmap(functools.partial(prior_pose, group, ranges)))(u)


@pytest.mark.parametrize(("name", "d"), [*FAMILIES, ("affine", 3)])
def test_coordinates_are_the_inverse_of_moving_a_pose(name, d):
    group, poses = family(name, d), prior_poses(name, d, 64)
    alpha = 0.6 * jax.random.normal(jax.random.key(1), (64, group.size))

    def there_and_back(pose: jax.Array, alpha: jax.Array) -> jax.Array:
        return coordinates(group, pose, retract(group, pose, alpha))

    found = jax.jit(jax.vmap(there_and_back))(poses, alpha)
    np.testing.assert_allclose(found, alpha, atol=1e-4)


def test_half_a_turn_and_a_mirror_image_have_no_coordinates():
    half = affine(plane_rotation(jnp.float32(math.pi), (0, 1), 2), jnp.zeros(2))
    for name, other in (("rigid", half), ("rotation", jnp.diag(jnp.float32([1, -1, 1])))):
        assert not np.isfinite(coordinates(family(name, 2), jnp.eye(3), other)).all()


def test_the_stretch_of_rotations_in_space_is_the_one_known():
    group, alpha = family("rotation", 3), jnp.float32([0.5, -1.2, 2.0])
    angle = float(jnp.sqrt((alpha**2).sum()))
    expected = math.log(2 * (1 - math.cos(angle)) / angle**2)
    assert log_stretch(group, alpha) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "name", ["rotation+shift_x", "rotation+shear_yx", "rotation+scale+scale_x"]
)
def test_a_family_that_is_no_group_is_refused(name):
    with pytest.raises(InputError, match="group"):
        brackets(family(name, 2))


def test_the_volume_of_all_rotations_is_the_one_known():
    assert log_volume(family("rotation", 2), RANGES) == pytest.approx(math.log(2 * math.pi))
    assert log_volume(family("rotation", 3), RANGES) == pytest.approx(math.log(8 * math.pi**2))
    both = RangeOptions(reflect=True)
    assert log_volume(family("rotation", 2), both) == pytest.approx(math.log(4 * math.pi))


def test_poses_of_the_prior_fill_the_ranges_as_data_do():
    ranges = RangeOptions(rotation=60.0, shift=0.1, scale=1.3, shear=0.3)
    found = factorise(inverse(prior_poses("affine", 3, 4000, ranges)))
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


@pytest.mark.parametrize(("name", "d"), FAMILIES)
def test_densities_of_mixtures_integrate_to_one_by_the_measure_of_the_prior(name, d):
    """E[prior / mixture] over draws of a mixture is the share of the prior that it covers.

    Wide in ranges that are narrow, so that the whole prior is covered: this also says that
    the volume of the prior is right.
    """
    ranges = RangeOptions(rotation=20.0, shift=0.1, scale=1.3, shear=0.2)
    group, size = family(name, d), family(name, d).size
    lengths = {"rotation": 0.22, "shift": 0.16, "scale": 0.2, "shear": 0.16}
    wide = jnp.diag(jnp.float32([lengths[name.split("_")[0]] for name in group.generators]))
    moved = retract(group, jnp.eye(d + 1), jnp.full(size, 0.02))
    mixture = Mixture(
        jnp.stack([jnp.eye(d + 1), moved]),
        jnp.stack([wide, 1.2 * wide]),
        jnp.log(jnp.float32([0.7, 0.3])),
    )

    def ratio(u: jax.Array) -> jax.Array:
        pose = draw(mixture, u, group=group)
        return jnp.exp(log_prior(group, ranges, pose) - log_density(mixture, pose, group=group))

    found = np.asarray(jax.jit(jax.vmap(ratio))(points(jax.random.key(2), (20_000, size + 1))))
    error = float(found.std()) / len(found) ** 0.5
    assert error < 0.1
    assert found.mean() == pytest.approx(1, abs=4 * error)


def test_a_region_of_a_normal_is_that_of_chi_squared():
    group, spread = family("rigid", 2), jnp.diag(jnp.float32([0.05, 0.02, 0.03]))
    normal = Mixture(jnp.eye(3)[None], spread[None], jnp.zeros(1))
    found = jax.jit(functools.partial(level, group=group, probability=0.9))
    top = log_density(normal, jnp.eye(3), group=group)
    # The 90 % quantile of chi squared with three degrees of freedom is 6.25.
    assert top - found(jax.random.key(0), normal) == pytest.approx(6.25 / 2, abs=0.3)


def test_components_without_weight_are_never_drawn():
    group = family("rotation", 2)
    centres = jax.vmap(lambda a: retract(group, jnp.eye(3), a))(jnp.float32([[0.0], [1.0], [2.0]]))
    weights = jnp.log(jnp.float32([0.0, 0.5, 0.5])).at[2].set(-jnp.inf)
    mixture = Mixture(centres, jnp.full((3, 1, 1), 1e-3), jax.nn.log_softmax(weights))
    u = points(jax.random.key(0), (100, 2)).at[:3, 1].set(jnp.float32([1e-7, 1 - 1e-7, 0.5]))
    drawn = jax.vmap(functools.partial(draw, mixture, group=group))(u)
    np.testing.assert_allclose(drawn, jnp.broadcast_to(centres[1], drawn.shape), atol=0.01)
