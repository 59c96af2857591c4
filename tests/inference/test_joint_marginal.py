"""The bound by draws of code and pose, against likelihoods that are known in closed form."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.joint_marginal import DEFENSIVE, joint_marginal_bound, propose
from avae_jax.inference.joint_posterior import JointPosterior, joint_posterior
from avae_jax.inference.search import SearchResult, resolve
from avae_jax.models.objective import elbo
from avae_jax.transform.mixture import uniform_points
from avae_jax.transform.prior_density import prior_pose
from tests.support.linear_gaussian import (
    Z,
    all_rotations,
    avae_of,
    log_likelihoods,
    observations,
    weights,
)
from tests.support.single_object import drawing

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
EXAMPLES, TIMES = 16, 20


def drawn_from_the_model():
    """Observations `[EXAMPLES, *S, C]` at poses of the prior, and their joint posterior."""
    avae = avae_of()
    u = uniform_points(jax.random.key(0), (EXAMPLES, 2))
    poses = jax.vmap(lambda u: prior_pose(avae.group, avae.ranges, u))(u)
    x = observations(poses, avae=avae)
    options = resolve(SearchOptions(kind="even", starts=16, keep=4, distance=20.0), avae.group)
    keys = jax.random.split(jax.random.key(3), EXAMPLES)

    @jax.jit
    def known(params, keys, x):
        found = find_poses(params, keys, x, avae=avae, options=options)
        return joint_posterior(params, x, found, avae=avae)

    return x, known(weights(), keys, x)


@pytest.mark.full
def test_joint_bound_meets_the_exact_likelihood():
    """It stays below within its errors, rises with the draws, and most draws count."""
    avae = avae_of()
    x, known = drawn_from_the_model()
    angles = 720
    each = log_likelihoods(x, all_rotations(angles), avae=avae)
    exact = np.logaddexp.reduce(each, axis=1) - np.log(angles)
    short = {}
    for samples in (8, 128):
        bound = functools.partial(joint_marginal_bound, avae=avae, samples=samples)
        keys = jax.random.split(jax.random.key(2), (TIMES, EXAMPLES))
        found = jax.jit(lambda keys: jax.lax.map(lambda k: bound(weights(), k, x, known), keys))(  # noqa: B023
            keys
        )
        mean = np.asarray(found.bound, np.float64).mean(0)
        error = np.asarray(found.bound).std(0, ddof=1) / TIMES**0.5
        assert (mean < exact + 4 * error).all()
        short[samples] = (exact - mean).mean()
    assert abs(short[128]) < 0.1 and short[8] > 2 * short[128]
    assert np.median(found.effective) > 64


def test_proposals_of_the_prior_are_among_the_draws_in_their_share():
    """A wrong posterior, far too narrow, leaves them as they are; ratios stay bounded."""
    avae, samples = avae_of(), 400
    sharp = jnp.eye(Z + 1)[None]
    known = JointPosterior(
        jnp.full((1, Z), 9.0), jnp.eye(3)[None], 1e-3 * sharp, 1e3 * sharp, jnp.zeros(1)
    )
    draws = jax.jit(functools.partial(propose, avae=avae, samples=samples))(
        jax.random.key(0), known
    )
    far = np.abs(np.asarray(draws.codes) - 9).max(1) > 1
    assert far.sum() == DEFENSIVE * samples
    assert (np.asarray(draws.log_ratio) <= -np.log(DEFENSIVE) + 1e-3).all()
    np.testing.assert_allclose(np.asarray(draws.log_ratio)[far], -np.log(DEFENSIVE), atol=1e-3)


@pytest.mark.full
@pytest.mark.parametrize("name", ["rotation", "rigid"])
def test_joint_bound_of_an_object_that_fits_every_pose(name):
    """Its curvature in the pose is nothing; the likelihood is that of any pose."""
    avae, params = drawing(np.zeros((8, 8, 1), np.float32), name)
    x, still = jnp.zeros((1, 8, 8, 1)), jnp.eye(3)[None]
    nothing = jnp.zeros((1, 1))
    found = SearchResult(still, nothing[0], still[None], nothing, *[nothing[0]] * 3)
    exact = -elbo(params, None, x[0], still[0], avae=avae).nll

    @jax.jit
    def bound(keys):
        known = joint_posterior(params, x, found, avae=avae)
        return joint_marginal_bound(params, keys, x, known, avae=avae, samples=4000)

    evidence = bound(jax.random.split(jax.random.key(0), 1))
    assert evidence.effective[0] > 100
    assert abs(evidence.bound[0] - exact) < 4 * evidence.error[0]
