"""A bound on the marginal likelihood of an observation, over unknown pose and latent code:

    log p(x) = log E_{M ~ p(M)} E_{z ~ p(z)} p(x | z, M)
            >= E log 1/N sum_n  p(x | z_n, M_n) p(z_n) p(M_n) / (q(z_n | x, M_n) q(M_n | x))

with M_n drawn from the pose posterior of `posterior`, widened and mixed with a share of the
prior so that no ratio `p(M) / q(M)` exceeds the inverse of that share, and z_n from the
encoder at M_n. The bound rises with N and converges to log p(x).

Reference: Y. Burda, R. Grosse and R. Salakhutdinov, Importance weighted autoencoders, 2016;
T. Hesterberg, Weighted average importance sampling and defensive mixture distributions, 1995.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.pareto import tail_shape
from avae_jax.inference.search.batching import over_pairs
from avae_jax.models.objective import (
    AVAE,
    Reconstruction,
    canonicalise,
    pad_to_outer,
    render,
    render_at_pose,
    terms,
)
from avae_jax.transform.mixture import Mixture, log_density, transport_uniform, uniform_points
from avae_jax.transform.prior_density import log_prior, prior_pose

# Share of draws from the prior, and factor by which the pose posterior is widened for the
# other draws, to cover its tails at little cost. On digits, factors 1, 1.3 and 1.7 gave the
# same bound to 0.01 nats.
DEFENSIVE, WIDER = 0.1, 1.3


class Draws(NamedTuple):
    """Poses of one example drawn for importance sampling.

    Attributes:
      poses: `[N, d + 1, d + 1]`.
      log_ratio: `[N]`, log prior minus log proposal, densities of the same measure.

    >>> import jax, numpy as np, avae_jax
    >>> turns = np.stack([np.eye(3, dtype=np.float32)] * 4)
    >>> draws = avae_jax.discrete_pose_draws(jax.random.key(0), turns, np.zeros(4), samples=9)
    >>> draws.poses.shape, draws.log_ratio.shape
    ((9, 3, 3), (9,))
    """

    poses: Array
    log_ratio: Array


class Evidence(NamedTuple):
    """The importance-sampling estimate of one example, each `[]`.

    Attributes:
      bound: a lower bound on log p(x) in expectation, nats.
      error: its standard error, nats.
      effective: the effective number of samples, from 1 to N.
      shape: of the tail of the weights; above 0.7 neither bound nor error is to be trusted; NaN
        for fewer than 25 draws (see `pareto`).

    >>> import avae_jax
    >>> found = avae_jax.Evidence(bound=-90.5, error=0.2, effective=40.0, shape=0.3)
    >>> found.bound + 2 * found.error
    -90.1
    """

    bound: Array
    error: Array
    effective: Array
    shape: Array


def marginal_bound(
    params: Params,
    keys: Key,
    x: Array,
    posterior: Mixture,
    *,
    avae: AVAE,
    samples: int,
    chunk: int | None = None,
) -> Evidence:
    """The bound on log p(x) of every observation.

    Args:
      keys: `[B]`.
      x: `[B, *S, C]`.
      posterior: of `pose_posterior`, leading axis B.
      samples: N; costs as many forward passes.
      chunk: number of (example, sample) pairs that are computed at once.

    Returns:
      With leading axis B. If the weights vary so much that `effective` is near 1, the bound
      is loose, and its error is underestimated.

    Raises:
      InputError: the family is not a group.

    >>> import functools, jax, numpy as np, avae_jax
    >>> params, avae, search, bank, codes = avae_jax.pretrained("digits").trained
    >>> x = np.zeros((2, 24, 24, 1), np.float32)
    >>> x[:, 6:18, 11:13] = 1
    >>> keys = avae_jax.example_keys(jax.random.key(0), np.arange(2))
    >>> found = avae_jax.pretrained("digits").find(x)
    >>> wide = avae_jax.pose_posterior(params, keys, x, found, avae=avae)
    >>> bound = jax.jit(functools.partial(avae_jax.marginal_bound, avae=avae, samples=16))
    >>> bound(params, keys, x, wide).bound.shape
    (2,)
    """
    key_poses, key_codes = jax.vmap(jax.random.split, out_axes=1)(keys)
    propose = functools.partial(propose_poses, avae=avae, samples=samples)
    draws = jax.vmap(propose)(key_poses, posterior)
    return marginal_bound_from_draws(params, key_codes, x, draws, avae=avae, chunk=chunk)


def marginal_bound_from_draws(
    params: Params, keys: Key, x: Array, draws: Draws, *, avae: AVAE, chunk: int | None = None
) -> Evidence:
    """`marginal_bound` with given poses, for example from `discrete_pose_draws`.

    >>> import jax, numpy as np, avae_jax
    >>> params, avae, search, bank, codes = avae_jax.pretrained("digits").trained
    >>> x = np.zeros((2, 24, 24, 1), np.float32)
    >>> x[:, 6:18, 11:13] = 1
    >>> keys = avae_jax.example_keys(jax.random.key(0), np.arange(2))
    >>> poses = np.broadcast_to(np.eye(3, dtype=np.float32), (2, 16, 3, 3))
    >>> draws = avae_jax.Draws(poses, np.zeros((2, 16), np.float32))
    >>> avae_jax.marginal_bound_from_draws(params, keys, x, draws, avae=avae).bound.shape
    (2,)
    """
    mu, _ = jax.eval_shape(avae.model.encode, params, x[0])
    shape = draws.poses.shape[1], *mu.shape
    noise = jax.vmap(lambda key: jax.random.normal(key, shape, mu.dtype))(keys)

    def one(example: Array, drawn: tuple[Array, Array]) -> Array:
        return log_weight(params, drawn[0], example, drawn[1], avae=avae)

    weights = over_pairs(one, x, (noise, draws.poses), chunk=chunk)
    return jax.vmap(summarise)(weights + draws.log_ratio)


from_draws = marginal_bound_from_draws  # The earlier name.


def propose_poses(key: Key, posterior: Mixture, *, avae: AVAE, samples: int) -> Draws:
    """Poses for one example, drawn from its widened posterior and from the prior."""
    wider = posterior._replace(spread=WIDER * posterior.spread)

    def one(u: Array) -> tuple[Array, Array]:
        own = transport_uniform(wider, u[1:], group=avae.group)
        pose = jnp.where(u[0] < DEFENSIVE, prior_pose(avae.group, avae.ranges, u[1:]), own)
        prior = log_prior(avae.group, avae.ranges, pose)
        near = math.log(1 - DEFENSIVE) + log_density(wider, pose, group=avae.group)
        return pose, prior - jnp.logaddexp(math.log(DEFENSIVE) + prior, near)

    return Draws(*jax.vmap(one)(uniform_points(key, (samples, avae.group.size + 2))))


def discrete_pose_draws(key: Key, poses: Array, losses: Array, *, samples: int) -> Draws:
    """Poses for one example with a uniform prior over the `poses: [G, d + 1, d + 1]` of a group.

    Args:
      losses: `[G]`, of the search at each pose: poses of lower loss are drawn more often.

    >>> import jax, numpy as np, avae_jax
    >>> turns = np.stack([np.eye(3, dtype=np.float32)] * 4)
    >>> draws = avae_jax.discrete_pose_draws(jax.random.key(0), turns, np.zeros(4), samples=9)
    >>> draws.poses.shape
    (9, 3, 3)
    """
    even = -math.log(len(losses))
    near = math.log(1 - DEFENSIVE) + jax.nn.log_softmax(-losses)
    log_proposal = jnp.logaddexp(math.log(DEFENSIVE) + even, near)
    which = jax.random.categorical(key, log_proposal, shape=(samples,))
    return Draws(poses[which], even - log_proposal[which])


among = discrete_pose_draws  # The earlier name.


def log_weight(params: Params, noise: Array, x: Array, pose: Array, *, avae: AVAE) -> Array:
    """`log p(x, z | pose) - log q(z | x, pose)`, `[]`, at the z that `noise` gives under q.

    Args:
      noise: `[Z]`, standard normal.
      x, pose: as for `elbo`.
    """
    mu, logvar = avae.model.encode(params, canonicalise(x, pose, avae=avae))
    z = mu + jnp.exp(logvar / 2) * noise
    outputs = render_at_pose(
        Reconstruction(render(params, z, avae=avae), mu, logvar), pose, avae=avae
    )
    nll = terms(params, pad_to_outer(x, avae=avae), outputs, avae=avae).nll
    return -nll - (z * z - noise * noise - logvar).sum() / 2


def summarise(log_weights: Array) -> Evidence:
    """The evidence of one example from its log weights `[N]`; NaN counts as weight 0."""
    count = len(log_weights)
    log_weights = jnp.where(jnp.isnan(log_weights), -jnp.inf, log_weights)
    total = jax.nn.logsumexp(log_weights)
    share = jnp.exp(log_weights - total)
    squares = (share * share).sum()
    # To first order, the variance of a logarithm is the relative variance of its argument.
    error = jnp.sqrt(jnp.maximum(squares - 1 / count, 0) * count / max(count - 1, 1))
    return Evidence(total - math.log(count), error, 1 / squares, tail_shape(log_weights))
