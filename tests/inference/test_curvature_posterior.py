"""The posterior of the pose: peaks of a known width, symmetric objects, calibrated regions."""

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference.curvature_posterior import curvature_posterior, mixture
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.search import resolve
from avae_jax.inference.search.curvature import Mode
from avae_jax.transform import family, frame, inverse, retract, warp
from avae_jax.transform.frame import coordinates as pixels
from avae_jax.transform.matrices import affine, matmul, plane_rotation
from avae_jax.transform.mixture import hpd_level, log_density, uniform_points
from avae_jax.transform.prior_density import prior_pose
from tests.support.linear_gaussian import avae_of, observations, posterior_of, weights
from tests.support.single_object import drawing

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def spokes(angles: list[float]) -> np.ndarray:
    """A picture `[12, 12, 1]` of smooth spots, one at each angle."""
    uniform_points, places = pixels(frame((12, 12))), np.radians(np.float32(angles))
    spots = 0.5 * np.stack([np.sin(places), np.cos(places)], -1)
    away = ((uniform_points[:, :, None] - spots) ** 2).sum(-1)
    return np.exp(-away / (2 * 0.2**2)).max(-1).astype(np.float32)[..., None]


def block() -> np.ndarray:
    """A volume `[8, 8, 8, 1]` with three different sides: half turns leave it as it is."""
    away = pixels(frame((8, 8, 8))) / np.float32([0.25, 0.4, 0.65])
    return np.exp(-((away**2).sum(-1) ** 2)).astype(np.float32)[..., None]


OBJECTS = {
    "none": (lambda: spokes([0, 120]), 1),
    "half a turn": (lambda: spokes([0, 180]), 2),
    "quarter turns": (lambda: spokes([0, 90, 180, 270]), 4),
    "a block": (block, 4),
}
STARTS = {2: 24, 3: 96}


@functools.cache
def posterior_by_search(d):
    """A program, compiled once: from an object to its posterior, seen turned."""
    avae, _ = drawing(spokes([0]) if d == 2 else block(), "rotation")
    method = {"method": "gauss_newton", "steps": 6} if d == 3 else {}
    options = resolve(
        SearchOptions(kind="even", starts=STARTS[d], keep=8, distance=25.0, **method), avae.group
    )
    turn = retract(avae.group, jnp.eye(d + 1), jnp.full(avae.group.size, 0.4))

    @jax.jit
    def posterior(params):
        x = warp(params["image"], turn, avae.fill, source=avae.inner, target=avae.inner)[None]
        keys = jax.random.split(jax.random.key(0), 1)
        found = find_poses(params, keys, x, avae=avae, options=options)
        return curvature_posterior(
            params, jax.random.key(0), x, found, avae=avae, codes=0, chunk=64
        )

    return posterior


@pytest.mark.full_cases("a block")
@pytest.mark.parametrize("name", OBJECTS)
def test_curvature_posterior_has_a_peak_a_symmetry(name):
    """An object has as many equal peaks as symmetries."""
    make, symmetries = OBJECTS[name]
    params = {"image": jnp.asarray(make())}
    d = params["image"].ndim - 1
    posterior = jax.tree.map(np.asarray, posterior_by_search(d)(params))
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


@pytest.mark.full
def test_level_regions_hold_the_truth_as_often_as_said():
    """Data drawn from the model itself: prior, decoder and likelihood."""
    avae, count = avae_of(), 240
    u = uniform_points(jax.random.key(0), (count, 2))
    poses = jax.vmap(functools.partial(prior_pose, avae.group, avae.ranges))(u)
    posterior = posterior_of(observations(poses, avae=avae), avae=avae)

    def covers(key: jax.Array, one, pose: jax.Array) -> jax.Array:
        least = hpd_level(key, one, group=avae.group, probability=0.9)
        return log_density(one, pose, group=avae.group) >= least

    keys = jax.random.split(jax.random.key(1), count)
    share = jax.jit(jax.vmap(covers))(keys, posterior, poses).mean()
    assert 0.85 <= share <= 0.95


@pytest.mark.standard
def test_mixture_of_peaks_that_are_distinct():
    """Weights are volumes times densities; of peaks at one place the best counts."""
    angles, losses = np.float32([0.5, 0.0, 0.01, 0.52]), np.float32([3.0, 1.0, 2.0, 4.0])
    turns = affine(plane_rotation(jnp.asarray(angles), (0, 1), 2), jnp.zeros((4, 2)))
    spread = jnp.float32([0.02, 0.05, 0.05, 0.02])[:, None, None]
    peaks = Mode(turns, jnp.asarray(losses), spread)
    found = jax.jit(functools.partial(mixture, group=family("rotation", 2)))(peaks)
    np.testing.assert_allclose(found.centres, turns[np.array([1, 2, 0, 3])])
    heights = np.array([0.05 * np.exp(-1), 0, 0.02 * np.exp(-3), 0])
    np.testing.assert_allclose(np.exp(found.log_weights), heights / heights.sum(), rtol=1e-4)


@pytest.mark.quick
@pytest.mark.parametrize(("codes", "chunk", "each"), [(0, 64, 21), (4, 64, 5), (9, 2, 1)])
def test_curvature_posterior_counts_what_a_pair_computes(codes, chunk, each, monkeypatch):
    """A chunk bounds the decoded images: three losses in a round, each of all codes."""

    class Asked(Exception):
        pass

    def over_pairs(*arguments, chunk):
        raise Asked(chunk)

    monkeypatch.setattr("avae_jax.inference.curvature_posterior.over_pairs", over_pairs)
    avae = avae_of()
    x, found = jnp.zeros((1, *avae.inner.shape, 1)), SimpleNamespace(candidates=None)
    with pytest.raises(Asked) as raised:
        jax.eval_shape(
            lambda params, key: curvature_posterior(
                params, key, x, found, avae=avae, codes=codes, chunk=chunk
            ),
            weights(),
            jax.random.key(0),
        )
    assert raised.value.args == (each,)
