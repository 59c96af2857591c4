"""The bound on the marginal likelihood by draws of code and pose together.

    log p(x) >= E log 1/N sum_n  p(x | z_n, M_n) p(z_n) p(M_n) / q(z_n, M_n)

with (z_n, M_n) drawn from the joint posterior, widened and mixed with a share of the prior of both.
The ratio of prior and proposal never exceeds the inverse of that share.

Reference: as for `marginal`.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.joint_posterior import JointPosterior, offsets
from avae_jax.inference.marginal import Evidence, summarise
from avae_jax.inference.search.batching import over_pairs
from avae_jax.models.affine_model import AVAE
from avae_jax.models.objective import Outputs, pad_to_outer, render, terms, to_observation
from avae_jax.transform.families import retract
from avae_jax.transform.lie import log_stretch
from avae_jax.transform.mixture import uniform_points
from avae_jax.transform.prior_density import log_prior, prior_pose

# Share of draws from the prior, and factor by which the posterior is widened for the others.
DEFENSIVE, WIDER = 0.05, 1.1


class JointDraws(NamedTuple):
    """Codes `[N, Z]` and poses `[N, d + 1, d + 1]` of one example.

    Attributes:
      log_ratio: `[N]`, the log prior minus the log proposal, densities of the same measure.
      local: `[K, N, P]`, the poses in local coordinates around each component; infinite where a
        pose has none.
      log_parts: `[K, N]`, the log density of each component times its weight.
    """

    codes: Array
    poses: Array
    log_ratio: Array
    local: Array
    log_parts: Array


def joint_marginal_bound(
    params: Params,
    keys: Key,
    x: Array,
    posterior: JointPosterior,
    *,
    avae: AVAE,
    samples: int,
    chunk: int | None = None,
) -> Evidence:
    """The bound on log p(x) of every observation; tighter than `marginal_bound` with as many draws.

    Args:
      keys: `[B]`.
      x: `[B, *S, C]`.
      posterior: of `joint_posterior`, leading axis B.
      samples: N; costs as many drawn images.
      chunk: number of (example, sample) pairs that are computed at once.

    Returns:
      With leading axis B. If the weights vary so much that `effective` is near 1, the bound
      is loose, and its error is underestimated.

    >>> import jax, numpy as np, avae_jax
    >>> params, avae, *_ = avae_jax.pretrained("digits").trained
    >>> x = np.zeros((2, 24, 24, 1), np.float32)
    >>> x[:, 6:18, 11:13] = 1
    >>> keys = avae_jax.example_keys(jax.random.key(0), np.arange(2))
    >>> found = avae_jax.pretrained("digits").find(x)
    >>> known = avae_jax.joint_posterior(params, x, found, avae=avae)
    >>> avae_jax.joint_marginal_bound(params, keys, x, known, avae=avae, samples=16).bound.shape
    (2,)
    """
    sizes = {"samples": samples, "chunk": chunk}
    return jax.vmap(summarise)(weighted_draws(params, keys, x, posterior, avae=avae, **sizes)[1])


def weighted_draws(
    params: Params,
    keys: Key,
    x: Array,
    posterior: JointPosterior,
    *,
    avae: AVAE,
    samples: int,
    chunk: int | None = None,
) -> tuple[JointDraws, Array]:
    """Draws of code and pose of every observation, and their log weights `[B, N]`.

    Arguments as for `joint_marginal_bound`.
    """
    draws = jax.vmap(lambda key, one: propose(key, one, avae=avae, samples=samples))(
        keys, posterior
    )
    wide = jax.vmap(lambda one: pad_to_outer(one, avae=avae))(x)

    def one(observed: Array, drawn: tuple[Array, Array]) -> Array:
        return log_likelihood(params, observed, *drawn, avae=avae)

    likelihoods = over_pairs(one, wide, (draws.codes, draws.poses), chunk=chunk)
    return draws, likelihoods + draws.log_ratio


def propose(key: Key, posterior: JointPosterior, *, avae: AVAE, samples: int) -> JointDraws:
    """Codes and poses for one example, from its widened posterior and from the prior.

    Components are drawn by even steps with one random offset, so that their numbers vary least.
    """
    latent = posterior.codes.shape[-1]
    key_which, key_noise = jax.random.split(key)
    steps = jnp.arange(samples, dtype=posterior.codes.dtype)
    place = (steps + uniform_points(key_which, ())) / samples
    upto = jnp.cumsum(jnp.exp(posterior.log_weights))
    # Relative to the last sum, so that a component without weight is never chosen.
    own = (place - DEFENSIVE) / (1 - DEFENSIVE) * upto[-1]
    which = (upto[None, :-1] <= own[:, None]).sum(-1)
    u = uniform_points(key_noise, (samples, latent + avae.group.size + 1))
    noise = jax.scipy.special.ndtri(u[:, :-1])

    def one(place: Array, which: Array, noise: Array, u: Array) -> tuple[Array, Array]:
        step = WIDER * (posterior.spread[which] * noise[None]).sum(-1)
        pose = retract(avae.group, posterior.poses[which], step[latent:])
        anywhere = prior_pose(avae.group, avae.ranges, u[latent:])
        code = posterior.codes[which] + step[:latent]
        prior = place < DEFENSIVE
        return jnp.where(prior, noise[:latent], code), jnp.where(prior, anywhere, pose)

    codes, poses = jax.vmap(one)(place, which, noise, u)
    prior = jax.vmap(lambda z, pose: _log_prior(z, pose, avae=avae))(codes, poses)
    parts, local = _log_parts(posterior, codes, poses, avae=avae)
    near = math.log(1 - DEFENSIVE) + jax.nn.logsumexp(parts, 0)
    ratio = prior - jnp.logaddexp(math.log(DEFENSIVE) + prior, near)
    return JointDraws(codes, poses, ratio, local, parts)


def log_likelihood(params: Params, observed: Array, z: Array, pose: Array, *, avae: AVAE) -> Array:
    """`log p(x | z, M)`, `[]`, of an observation in its outer frame, `[*outer.shape, C]`."""
    mean = to_observation(render(params, z, avae=avae), pose, avae=avae)
    outputs = Outputs(mean, z, jnp.zeros_like(z), jnp.zeros(1, z.dtype))
    return -terms(params, observed, outputs, avae=avae).nll


def _log_prior(z: Array, pose: Array, *, avae: AVAE) -> Array:
    normal = -(z * z).sum() / 2 - len(z) * math.log(2 * math.pi) / 2
    return normal + log_prior(avae.group, avae.ranges, pose)


def _log_parts(
    posterior: JointPosterior, codes: Array, poses: Array, *, avae: AVAE
) -> tuple[Array, Array]:
    """Log densities `[K, N]` of the widened components, and local coordinates `[K, N, P]`."""
    latent = posterior.codes.shape[-1]
    away = offsets(posterior.codes, posterior.poses, codes, poses, avae=avae)
    known = jnp.isfinite(away).all(-1)
    plain = jnp.where(known[..., None], away, 0)
    scaled = jnp.einsum("kij,knj->kni", posterior.whitening / WIDER, plain, precision="highest")
    width = jnp.log(jnp.diagonal(posterior.whitening, axis1=-2, axis2=-1) / WIDER).sum(-1)
    stretch = jax.vmap(jax.vmap(lambda alpha: log_stretch(avae.group, alpha)))(plain[..., latent:])
    constant = away.shape[-1] * math.log(2 * math.pi) / 2
    parts = width[:, None] - (scaled * scaled).sum(-1) / 2 - constant - stretch
    parts = posterior.log_weights[:, None] + jnp.where(known, parts, -jnp.inf)
    return parts, away[..., latent:]
