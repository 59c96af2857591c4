"""The bound on log p(x), against likelihoods that are known in closed form."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.core.types import Array
from avae_jax.inference.marginal import (
    DEFENSIVE,
    among,
    from_draws,
    marginal_bound,
    propose_poses,
    summarise,
)
from avae_jax.inference.problem import prepare, problem
from avae_jax.transform.mixture import Mixture, uniform_points
from avae_jax.transform.prior_density import prior_pose
from avae_jax.transform.sampling import right_angles
from tests.support.linear_gaussian import (
    all_rotations,
    avae_of,
    log_likelihoods,
    observations,
    posterior_of,
    weights,
)

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
EXAMPLES, ANGLES = 16, 720
# How often the bound is taken for each number of samples.
TIMES = {4: 60, 32: 30, 128: 15}


def repeated(estimate: Callable, samples: int) -> np.ndarray:
    """Bounds `[times, B]` with other noise each time."""
    keys = jax.random.split(jax.random.key(2), (TIMES[samples], EXAMPLES))
    found = jax.jit(lambda: jax.lax.map(functools.partial(estimate, samples=samples), keys))()
    return np.asarray(found.bound, np.float64)


def rises_to(truth: np.ndarray, estimate: Callable) -> None:
    """The bound tightens with samples and never passes the truth beyond its error bars."""
    estimates = {samples: repeated(estimate, samples) for samples in TIMES}
    short = {n: truth.mean() - found.mean() for n, found in estimates.items()}
    few, more, many = sorted(short)
    assert short[few] > 2 * short[more] > 2 * (short[many] - 0.01)
    for found in estimates.values():
        error = found.std(0, ddof=1) / len(found) ** 0.5
        assert (found.mean(0) < truth + 4 * error).all()
    assert abs(short[many]) < 0.1


def test_from_draws_bounds_the_likelihood_over_a_group():
    """The likelihood over a group of rotations is met from below."""
    avae, group = avae_of(), jnp.asarray(right_angles(2))
    x = observations(group[np.arange(EXAMPLES) % 4], avae=avae)
    exact = np.logaddexp.reduce(log_likelihoods(x, group, avae=avae), axis=1) - np.log(4)
    value = problem(weights(), avae).value
    losses = jax.jit(
        jax.vmap(lambda one: jax.vmap(lambda pose: value(prepare(one, avae=avae), pose))(group))
    )(x)

    def estimate(keys: Array, samples: int) -> Array:
        poses, codes = jax.vmap(jax.random.split, out_axes=1)(keys)
        draws = jax.vmap(lambda key, loss: among(key, group, loss, samples=samples))(poses, losses)
        return from_draws(weights(), codes, x, draws, avae=avae)

    rises_to(exact, estimate)


@pytest.mark.full
def test_marginal_bound_bounds_the_likelihood_over_rotations():
    """The likelihood over all rotations is met from below."""
    avae = avae_of()
    u = uniform_points(jax.random.key(0), (EXAMPLES, 2))
    poses = jax.vmap(lambda u: prior_pose(avae.group, avae.ranges, u))(u)
    x = observations(poses, avae=avae)
    each = log_likelihoods(x, all_rotations(ANGLES), avae=avae)
    exact = np.logaddexp.reduce(each, axis=1) - np.log(ANGLES)
    posterior = posterior_of(x, avae=avae)

    def estimate(keys: Array, samples: int) -> Array:
        return marginal_bound(weights(), keys, x, posterior, avae=avae, samples=samples)

    rises_to(exact, estimate)


@pytest.mark.quick
def test_summarise_is_the_mean_weight_and_its_standard_error():
    """A draw that is not a number counts as one of weight nothing."""
    for drawn in ([1.0, 2, 5], [3.0, 3, 3, np.nan], [4.0]):
        found = jax.jit(summarise)(np.log(np.float32(drawn)))
        drawn = np.nan_to_num(drawn)
        error = drawn.std(ddof=1) / len(drawn) ** 0.5 if len(drawn) > 1 else 0
        np.testing.assert_allclose(found.bound, np.log(drawn.mean()), rtol=1e-5)
        np.testing.assert_allclose(found.error, error / drawn.mean(), rtol=1e-4)
        np.testing.assert_allclose(found.effective, drawn.sum() ** 2 / (drawn**2).sum(), rtol=1e-5)


@pytest.mark.quick
def test_draws_of_the_prior_are_mirrored_whatever_their_angle():
    """No other draw is: the posterior is narrow, and of an object that is not mirrored."""
    avae, samples = avae_of()._replace(ranges=RangeOptions(reflect=True)), 4000
    known = Mixture(np.eye(3)[None], np.full((1, 1, 1), 0.01), np.zeros(1))
    known = Mixture(*(np.float32(leaf) for leaf in known))
    draw = jax.jit(functools.partial(propose_poses, avae=avae, samples=samples))
    poses, log_ratio = draw(jax.random.key(0), known)
    mirrored = np.linalg.det(poses) < 0
    assert abs(mirrored.mean() - DEFENSIVE / 2) < 0.01
    np.testing.assert_allclose(log_ratio[mirrored], -np.log(DEFENSIVE), rtol=1e-5)
    angles = np.arctan2(poses[mirrored, 1, 0], poses[mirrored, 0, 0])
    quarters = np.histogram(angles, 4, (-np.pi, np.pi))[0] / len(angles)
    np.testing.assert_allclose(quarters, np.full(4, 0.25), atol=0.1)
