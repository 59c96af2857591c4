"""The posterior of the pose from losses alone: a mixture over the optima that a search kept.

    q(M) = sum_k w_k Normal(log(M_k^-1 M); 0, Sigma_k),   w_k ~ exp(-loss_k) det(Sigma_k)^1/2

with Sigma_k the inverse curvature of the loss around M_k: Laplace's approximation of the
posterior `exp(-loss(M))`, prior on the pose included, with respect to the measure of
`transform.lie`. The loss is the loss of the search or, closer to the posterior, minus the
logarithm of the mean weight of several codes, which averages out errors of the encoder.

It is for decoders without derivatives; `posterior` is closer to the truth.
"""

import math

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.marginal import log_weight
from avae_jax.inference.problem import SearchInput, prepare, problem
from avae_jax.inference.search import Problem, SearchResult, curvature
from avae_jax.inference.search.batching import over_pairs
from avae_jax.inference.search.curvature import Mode
from avae_jax.models.affine_model import AVAE
from avae_jax.transform.families import Family
from avae_jax.transform.lie import coordinates
from avae_jax.transform.mixture import Mixture
from avae_jax.transform.prior import prior_residuals

# Optima of one example less than this many standard deviations apart count once.
APART = 3.0


def curvature_posterior(
    params: Params,
    key: Key,
    x: Array,
    found: SearchResult,
    *,
    avae: AVAE,
    codes: int = 8,
    chunk: int | None = None,
) -> Mixture:
    """The posterior of the pose that the search looks for, for every observation.

    Args:
      key: for the noise of the codes, the same at every pose.
      x: `[B, *S, C]`.
      found: the result of a search of them; more kept candidates give more optima.
      codes: number of codes averaged at every pose; 0 takes the loss of the search, with z at
        its mean, whose regions are too narrow if the encoder is poor.
      chunk: number of (pose, code) pairs that are computed at once.

    Returns:
      A mixture with leading axis B.

    Raises:
      InputError: the family is not a group.
    """
    params = jax.lax.stop_gradient(params)
    task = averaged(params, key, x[0], avae=avae, codes=codes) if codes else problem(params, avae)
    seen = jax.vmap(lambda one: prepare(one, avae=avae))(x)
    each = chunk and max(1, chunk // (max(codes, 1) * curvature.evaluations(task.size)))
    measured = over_pairs(
        lambda datum, pose: curvature.fit_curvature(task, datum, pose),
        seen,
        found.candidates,
        chunk=each,
    )
    return jax.vmap(lambda peaks: mixture(peaks, group=avae.group))(measured)


def averaged(params: Params, key: Key, like: Array, *, avae: AVAE, codes: int) -> Problem:
    """The search problem whose loss is `-log p(x, pose)`, z integrated out by `codes` draws.

    Args:
      like: `[*S, C]`, any observation.
    """
    mu, _ = jax.eval_shape(avae.model.encode, params, like)
    noise = jax.random.normal(key, (codes, *mu.shape), mu.dtype)

    def loss(seen: SearchInput, pose: Array) -> Array:
        weights = jax.vmap(lambda e: log_weight(params, e, seen.x, pose, avae=avae))(noise)
        beyond = prior_residuals(avae.group, avae.ranges, pose)
        return math.log(codes) - jax.nn.logsumexp(weights) + (beyond * beyond).sum() / 2

    plain = problem(params, avae)
    return Problem(loss, lambda seen, value: value, plain.retract, plain.size)


def mixture(peaks: Mode, *, group: Family) -> Mixture:
    """The mixture over the peaks `[K]` of one example that are distinct."""
    order = jnp.argsort(peaks.loss)
    poses, losses, spread = (leaf[order] for leaf in peaks)
    size = jnp.log(jnp.diagonal(spread, axis1=-2, axis2=-1)).sum(-1)
    heights = jnp.where(_repeated(poses, spread, group), -jnp.inf, size - losses)
    return Mixture(poses, spread, jax.nn.log_softmax(heights))


def _repeated(poses: Array, spread: Array, group: Family) -> Array:
    """The peaks `[K]`, best first, that repeat an earlier one, bool."""

    def away(centre: Array, spread: Array, pose: Array) -> Array:
        alpha = coordinates(group, centre, pose)
        known = jnp.isfinite(alpha).all()
        scaled = jax.scipy.linalg.solve_triangular(spread, jnp.where(known, alpha, 0), lower=True)
        return jnp.where(known, jnp.sqrt((scaled * scaled).sum()), jnp.inf)

    distances = jax.vmap(jax.vmap(away, (None, None, 0)), (0, 0, None))(poses, spread, poses)
    return repeated(distances < APART)


def repeated(near: Array) -> Array:
    """The peaks `[K]`, best first, that repeat an earlier one, bool.

    Args:
      near: `[K, K]`, whether the second peak lies within the first.
    """
    count = len(near)

    def look(repeated: Array, place: Array) -> tuple[Array, None]:
        before = (jnp.arange(count) < place) & ~repeated
        return repeated.at[place].set((before & near[:, place]).any()), None

    return jax.lax.scan(look, jnp.zeros(count, bool), jnp.arange(count))[0]
