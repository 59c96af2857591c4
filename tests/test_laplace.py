"""The posterior of the pose: peaks of a known width, symmetric objects, calibrated regions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blobs import drawing
from linear_gaussian import avae_of, observations, posterior_of

from avae_jax.config.options import SearchOptions
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.posterior import pose_posterior
from avae_jax.inference.search import Problem, curvature, resolve
from avae_jax.transform import family, frame, inverse, retract, warp
from avae_jax.transform.frame import coordinates as pixels
from avae_jax.transform.lie import coordinates
from avae_jax.transform.matrices import matmul
from avae_jax.transform.mixture import level, log_density, points
from avae_jax.transform.prior_density import prior_pose

pytestmark = pytest.mark.usefixtures("for_an_optimiser")
RIGID = family("rigid", 2)


def bowl(scale: np.ndarray, dents: float = 0.0) -> Problem:
    """Half the squared length of `scale @ alpha` around the identity, with dents every 0.02."""

    def predict(datum: jax.Array, pose: jax.Array) -> jax.Array:
        return coordinates(RIGID, datum, pose)

    def loss(datum: jax.Array, alpha: jax.Array) -> jax.Array:
        ripples = 1 - jnp.cos(2 * np.pi * alpha / 0.02)
        return ((scale * alpha[None]).sum(-1) ** 2).sum() / 2 + dents * ripples.sum()

    return Problem(predict, loss, functools.partial(retract, RIGID), RIGID.size)


def test_a_quadratic_peak_is_met_and_its_covariance_exact():
    covariance = np.float32([[4e-4, 1e-3, 0], [1e-3, 1e-2, -5e-4], [0, -5e-4, 1e-4]])
    scale = jnp.asarray(np.linalg.cholesky(np.linalg.inv(covariance)).T)
    start = retract(RIGID, jnp.eye(3), jnp.float32([0.02, 0.1, -0.01]))
    found = jax.jit(functools.partial(curvature.measure, bowl(scale)))(jnp.eye(3), start)
    np.testing.assert_allclose(found.pose, jnp.eye(3), atol=2e-3)
    assert found.loss < 0.02
    np.testing.assert_allclose(found.spread @ found.spread.T, covariance, rtol=0.1, atol=2e-5)


def test_dents_narrower_than_a_peak_are_not_taken_for_it():
    scale = jnp.eye(3) / 0.1
    measure = jax.jit(functools.partial(curvature.measure, bowl(scale, dents=0.2)))
    spread = measure(jnp.eye(3), jnp.eye(3)).spread
    sides = jnp.sqrt((spread**2).sum(1))
    # The curvature of a dent would say 0.007.
    assert ((sides > 0.05) & (sides < 0.15)).all()


def test_a_flat_loss_has_the_widest_peak():
    flat = bowl(jnp.zeros((3, 3)))
    found = jax.jit(functools.partial(curvature.measure, flat))(jnp.eye(3), jnp.eye(3))
    np.testing.assert_allclose(found.spread, curvature.WIDEST * jnp.eye(3), rtol=0.1)


def spokes(angles: list[float]) -> np.ndarray:
    """A picture `[12, 12, 1]` of smooth spots, one at each angle."""
    points, places = pixels(frame((12, 12))), np.radians(np.float32(angles))
    spots = 0.5 * np.stack([np.sin(places), np.cos(places)], -1)
    away = ((points[:, :, None] - spots) ** 2).sum(-1)
    return np.exp(-away / (2 * 0.2**2)).max(-1).astype(np.float32)[..., None]


def block() -> np.ndarray:
    """A volume `[8, 8, 8, 1]` with three different sides: half turns leave it as it is."""
    away = pixels(frame((8, 8, 8))) / np.float32([0.25, 0.4, 0.65])
    return np.exp(-((away**2).sum(-1) ** 2)).astype(np.float32)[..., None]


OBJECTS = {
    "none": (lambda: spokes([0, 120]), 1, 24),
    "half a turn": (lambda: spokes([0, 180]), 2, 24),
    "quarter turns": (lambda: spokes([0, 90, 180, 270]), 4, 24),
    "a block": (block, 4, 96),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_as_many_equal_peaks_as_symmetries(name):
    make, symmetries, starts = OBJECTS[name]
    avae, params = drawing(make(), "rotation")
    d, keep = avae.group.d, 8
    method = {"method": "gauss_newton", "steps": 6} if d == 3 else {}
    options = resolve(
        SearchOptions(kind="even", starts=starts, keep=keep, distance=25.0, **method),
        avae.group,
    )
    turn = retract(avae.group, jnp.eye(d + 1), jnp.full(avae.group.size, 0.4))
    x = warp(params["image"], turn, avae.fill, source=avae.inner, target=avae.inner)[None]
    found = jax.jit(functools.partial(find_poses, avae=avae, options=options))(
        params, jax.random.split(jax.random.key(0), 1), x
    )
    posterior = jax.jit(functools.partial(pose_posterior, avae=avae, codes=0, chunk=64))(
        params, jax.random.key(0), x, found
    )
    weights = np.exp(posterior.log_weights[0])
    peaks = weights > 0.05
    assert peaks.sum() == symmetries
    assert weights[~peaks].sum() < 0.05
    np.testing.assert_allclose(weights[peaks], 1 / symmetries, rtol=0.35)
    if d == 2:
        steps = matmul(posterior.centres[0][peaks], inverse(posterior.centres[0][peaks][:1]))
        turned = np.degrees(np.arctan2(steps[:, 1, 0], steps[:, 0, 0])) % 360
        off = (turned + 180 / symmetries) % (360 / symmetries) - 180 / symmetries
        assert np.abs(off).max() < 3


def test_regions_of_ninety_percent_hold_the_truth_that_often():
    """Data drawn from the model itself: prior, decoder and likelihood."""
    avae, count = avae_of(), 240
    u = points(jax.random.key(0), (count, 2))
    poses = jax.vmap(functools.partial(prior_pose, avae.group, avae.ranges))(u)
    posterior = posterior_of(observations(poses, avae=avae), avae=avae)

    def covers(key: jax.Array, one, pose: jax.Array) -> jax.Array:
        least = level(key, one, group=avae.group, probability=0.9)
        return log_density(one, pose, group=avae.group) >= least

    keys = jax.random.split(jax.random.key(1), count)
    share = jax.jit(jax.vmap(covers))(keys, posterior, poses).mean()
    assert 0.85 <= share <= 0.95
