"""The prior on poses: nothing within the ranges, a wall outside, smooth enough to descend."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from avae_jax.config.options import RangeOptions
from avae_jax.transform.families import Family, basis, family, retract
from avae_jax.transform.matrices import identity, inverse
from avae_jax.transform.prior import MARGIN, WIDTH, prior_residuals, within
from avae_jax.transform.sampling import from_unit, mirror, right_angles

pytestmark = pytest.mark.standard
FAMILIES = ["rotation", "translation", "rigid", "similarity", "affine"]
RANGES = RangeOptions(rotation=60.0, shift=0.15, scale=1.5, shear=0.3, reflect=True)
STEPS = {"rotation": np.pi / 3, "shift": 0.3, "scale": np.log(1.5), "shear": 0.3}


def nats(group: Family, pose: jax.Array) -> jax.Array:
    """Nats of a pose of the object; the prior takes the inverse, as the search does."""
    return (prior_residuals(group, RANGES, inverse(pose)) ** 2).sum() / 2


def steps(group: Family, share: float) -> np.ndarray:
    """A step `[P, P]` along each generator, `share` times its range."""
    return share * np.diag([STEPS[name.split("_")[0]] for name in group.generators])


def moved(group: Family, share: float) -> np.ndarray:
    """The poses `[P, d + 1, d + 1]` of these steps."""
    return scipy.linalg.expm(np.einsum("kp,pij->kij", steps(group, share), basis(group)))


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_excess_flat_within_the_ranges_and_a_wall_outside(name, d):
    """The prior is flat within the ranges and a wall outside."""
    group = family(name, d)
    u = jnp.float32(np.random.default_rng(0).random((50, group.size)))
    random = np.asarray(jax.jit(jax.vmap(lambda u: from_unit(group, RANGES, u)))(u))
    within = [random, random @ mirror(d), moved(group, 0), moved(group, 0.95)]
    outside = [moved(group, 1.2), moved(group, -1.2)]
    cost = jax.jit(jax.vmap(lambda pose: nats(group, pose)))
    found = np.asarray(cost(jnp.float32(np.concatenate(within + outside))))
    assert not found[: -2 * group.size].any()
    assert (found[-2 * group.size :] > 10).all()


@pytest.mark.parametrize("name", ["rotation+shear_yx", "rotation+scale_x"])
def test_excess_walls_products_of_generators(name):
    """Stretches that are no generators, but products of them."""
    stretched = np.diag(np.float32([4, 0.25, 1]))
    assert nats(family(name, 2), jnp.asarray(stretched)) > 100


def test_excess_half_a_nat_at_its_width():
    """A wall costs half a nat at its width and many within the margin."""
    pose = np.eye(3, dtype=np.float32)
    for beyond, cost in ((WIDTH, 0.5), (MARGIN, 50)):
        pose[1, 2] = 0.3 + beyond
        assert nats(family("translation", 2), jnp.asarray(pose)) == pytest.approx(cost, rel=1e-3)


@pytest.mark.parametrize("d", [2, 3])
def test_excess_derivatives_finite_at_high_symmetry(d):
    """No turn has no direction and half a turn has two: neither may become NaN."""
    group = family("affine", d)
    poses = jnp.asarray(right_angles(d))

    def residuals(alpha: jax.Array, pose: jax.Array) -> jax.Array:
        return prior_residuals(group, RANGES, retract(group, pose, alpha))

    zero = jnp.zeros(group.size)
    slopes = jax.jit(jax.vmap(jax.jacfwd(residuals), (None, 0)))(zero, poses)
    assert np.isfinite(slopes).all()
    # Within the ranges the prior does not pull.
    np.testing.assert_array_equal(slopes[0], np.zeros(slopes[0].shape))


def test_excess_points_back_into_the_range():
    """The wall points back into the range."""
    group = family("affine", 2)

    def slope(outside: jax.Array) -> jax.Array:
        pose = retract(group, identity(2), outside)
        return jax.grad(lambda alpha: nats(group, retract(group, pose, alpha)))(outside * 0)

    outside = jax.jit(jax.vmap(slope))
    assert (np.diagonal(outside(jnp.float32(steps(group, 1.1)))) > 0).all()
    assert (np.diagonal(outside(jnp.float32(steps(group, -1.1)))) < 0).all()


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_within_brings_any_pose_into_the_ranges(name, d):
    """Poses of the family that go too far, by steps of all generators, mirrored or not."""
    group = family(name, d)
    random = np.random.default_rng(0).normal(0, 1, (40, group.size))
    random[::2] *= 0.1
    poses = scipy.linalg.expm(np.einsum("kp,pij->kij", random, basis(group)))
    poses = jnp.float32(np.concatenate([poses, poses @ mirror(d), right_angles(d)]))
    # A family that cannot shift or bend does not meet what only others reach.
    poses = poses if group.has("rotation") else poses[:40]

    @jax.jit
    @jax.vmap
    def both(pose: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        found = within(group, RANGES, pose)
        return found, prior_residuals(group, RANGES, pose), prior_residuals(group, RANGES, found)

    found, before, after = jax.device_get(both(poses))
    assert (before > 10).any(1).sum() > 5
    assert np.isfinite(found).all()
    # In units of the wall's width; a hundredth costs nothing.
    assert after.max() < 0.02
    # What is in range stays.
    inside = ~before.any(1)
    assert inside.any()
    np.testing.assert_allclose(found[inside], poses[inside], atol=1e-5)


@pytest.mark.parametrize("d", [2, 3])
def test_within_cuts_each_factor_alone(d):
    """A shift too far comes back to the wall; the rest of the pose stays."""
    group = family("affine", d)
    far = np.array(from_unit(group, RANGES, jnp.full(group.size, 0.3)))
    near = far.copy()
    far[0, d], near[0, d] = 5, 0.3
    found = inverse(within(group, RANGES, inverse(jnp.asarray(far))))
    np.testing.assert_allclose(found, near, atol=1e-4)
