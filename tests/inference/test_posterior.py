"""The posterior of the pose by draws of code and pose: peaks, calibrated regions, decoders."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference import posterior
from avae_jax.inference.calibration import region_probabilities
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.joint_marginal import JointDraws
from avae_jax.inference.joint_posterior import JointPosterior
from avae_jax.inference.posterior import EARLIER, fit_poses, pose_posterior
from avae_jax.inference.search import resolve
from avae_jax.models.simulation import draw_observations
from avae_jax.transform.mixture import Mixture
from tests.support.linear_gaussian import Z, avae_of, weights

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.mark.full
def test_regions_hold_the_truth_as_often_as_they_say():
    """Data drawn from the model: prior, decoder and likelihood."""
    avae, count = avae_of(), 400
    keys = jax.random.split(jax.random.key(0), count)
    options = resolve(SearchOptions(kind="even", starts=16, keep=4, distance=20.0), avae.group)

    @jax.jit
    def known(params, keys):
        x, _, poses = draw_observations(params, keys, avae=avae, latent=Z)
        found = find_poses(params, keys, x, avae=avae, options=options)
        posterior = pose_posterior(params, keys, x, found, avae=avae)
        return region_probabilities(keys, posterior, poses, avae=avae)

    held = np.asarray(known(weights(), keys))
    for share in (0.5, 0.8, 0.9, 0.95):
        error = np.sqrt(share * (1 - share) / count)
        assert abs((held <= share).mean() - share) < 3 * error


def turned(angles):
    """Local coordinates `[1, N, 1]` of rotations by angles."""
    return jnp.asarray(angles, jnp.float32)[None, :, None]


def one_normal(spread: float) -> JointPosterior:
    """At the identity, with the code known exactly."""
    width = jnp.diag(jnp.float32([1e-3] * Z + [spread]))[None]
    return JointPosterior(
        jnp.zeros((1, Z)), jnp.eye(3)[None], width, jnp.linalg.inv(width), jnp.zeros(1)
    )


def test_fit_is_the_moments_of_weighted_draws():
    """With EARLIER draws of the width before, and one of the centre before."""
    rng = np.random.default_rng(0)
    angles, log_weights = rng.normal(0.2, 0.1, 500), rng.normal(0, 0.3, 500)
    draws = JointDraws(
        jnp.zeros((500, Z)), jnp.zeros((500, 3, 3)), jnp.zeros(500), turned(angles),
        jnp.zeros((1, 500)),
    )  # fmt: skip
    batch = jax.tree.map(lambda leaf: leaf[None], (one_normal(0.4), draws))
    found: Mixture = jax.jit(functools.partial(fit_poses, avae=avae_of()))(
        *batch, jnp.asarray(log_weights, jnp.float32)[None]
    )
    shares = np.exp(log_weights) / np.exp(log_weights).sum()
    effective = 1 / (shares**2).sum()
    mean = (shares * angles).sum() * effective / (effective + 1)
    variance = (shares * (angles - mean) ** 2).sum()
    variance = (effective * variance + EARLIER * 0.4**2) / (effective + EARLIER)
    centre = found.centres[0, 0]
    np.testing.assert_allclose(abs(np.arctan2(centre[1, 0], centre[0, 0])), mean, rtol=1e-4)
    np.testing.assert_allclose(found.spread[0, 0, 0, 0], np.sqrt(variance), rtol=1e-4)


def test_weights_that_are_nothing_leave_what_there_was():
    """No draw explains the observation, or none is near."""
    draws = JointDraws(
        jnp.zeros((64, Z)), jnp.zeros((64, 3, 3)), jnp.zeros(64),
        jnp.full((1, 64, 1), jnp.inf), jnp.full((1, 64), -jnp.inf),
    )  # fmt: skip
    batch = jax.tree.map(lambda leaf: leaf[None], (one_normal(0.4), draws))
    fit = jax.jit(functools.partial(fit_poses, avae=avae_of()))
    for log_weights in (np.zeros(64), np.full(64, -np.inf), np.full(64, np.nan)):
        found = fit(*batch, jnp.asarray(log_weights, jnp.float32)[None])
        np.testing.assert_allclose(found.centres[0, 0], np.eye(3), atol=1e-6)
        np.testing.assert_allclose(found.spread[0, 0], [[0.4]], rtol=1e-4)
        np.testing.assert_allclose(np.exp(found.log_weights), [[1]])


@pytest.mark.quick
@pytest.mark.parametrize("derivatives", [True, False])
def test_decoder_without_derivatives_has_the_posterior_of_its_curvature(derivatives, monkeypatch):
    """And any other one that of draws of code and pose."""
    monkeypatch.setattr(posterior, "has_derivatives", lambda *given, avae: derivatives)
    monkeypatch.setattr(posterior, "curvature_posterior", lambda *given, **options: "curvature")
    monkeypatch.setattr(posterior, "joint_posterior", lambda *given, **options: "known")
    monkeypatch.setattr(posterior, "weighted_draws", lambda *given, **options: ("draws", "weights"))
    monkeypatch.setattr(posterior, "fit_poses", lambda *given, avae: given)
    x, keys = np.zeros((1, *avae_of().inner.shape, 1), np.float32), np.zeros(1)
    found = pose_posterior(weights(), keys, x, None, avae=avae_of())
    assert found == (("known", "draws", "weights") if derivatives else "curvature")


def test_draw_without_a_place_changes_nothing_of_the_others():
    """A rotation by half a turn has no local coordinates."""
    rng = np.random.default_rng(0)
    angles, log_weights = rng.normal(0.2, 0.1, 60), rng.normal(0, 0.3, 60)
    log_weights[:30] = -np.inf

    def fitted(angles):
        draws = JointDraws(
            jnp.zeros((60, Z)), jnp.zeros((60, 3, 3)), jnp.zeros(60), turned(angles),
            jnp.zeros((1, 60)),
        )  # fmt: skip
        batch = jax.tree.map(lambda leaf: leaf[None], (one_normal(0.4), draws))
        fit = jax.jit(functools.partial(fit_poses, avae=avae_of()))
        return fit(*batch, jnp.asarray(log_weights, jnp.float32)[None])

    known, gone = fitted(angles), fitted(np.where(np.arange(60) == 3, np.nan, angles))
    np.testing.assert_array_equal(gone.centres, known.centres)
    np.testing.assert_array_equal(gone.spread, known.spread)
