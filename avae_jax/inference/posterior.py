"""The posterior of the pose of an example: a mixture of normals, fitted to weighted draws.

Codes and poses are drawn from the joint posterior of `joint_posterior`, each draw weighted by how
well the model explains the observation with it, as for the bound of `joint_marginal`. The draws
then move, widen and weigh the normals of the pose: one step of expectation maximisation, in which
each normal keeps the width that it had as if it were EARLIER draws. The code is integrated out,
so that regions of the pose allow for objects that look alike at two poses
(docs/decisions/0023-joint-posterior.md).
"""

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.curvature_posterior import curvature_posterior
from avae_jax.inference.joint_marginal import JointDraws, weighted_draws
from avae_jax.inference.joint_posterior import (
    JointPosterior,
    has_derivatives,
    joint_posterior,
    latent_size,
)
from avae_jax.inference.search import SearchResult
from avae_jax.models.affine_model import AVAE
from avae_jax.transform.families import retract
from avae_jax.transform.mixture import Mixture
from avae_jax.transform.small_matrices import cholesky

# Draws that the width before the fit counts as; the centre before counts as one.
EARLIER = 5.0
# Codes at every pose for decoders without derivatives.
CODES = 8
# Smallest variance of a normal, in squared radians or coordinates.
LEAST = 1e-9


def pose_posterior(
    params: Params,
    keys: Key,
    x: Array,
    found: SearchResult,
    *,
    avae: AVAE,
    samples: int = 128,
    chunk: int | None = None,
) -> Mixture:
    """The posterior of the pose that the search looks for, for every observation.

    Args:
      keys: `[B]`.
      x: `[B, *S, C]`.
      found: the result of a search of them; more kept candidates give more optima.
      samples: codes and poses drawn an example; costs as many drawn images.
      chunk: number of (example, draw) pairs that are computed at once.

    Returns:
      A mixture with leading axis B. It holds as far as the model does: `fit_calibration` widens
      it where the truth of some examples is known.

    Raises:
      InputError: the family is not a group.

    >>> import jax, numpy as np, avae_jax
    >>> params, avae, search, bank, codes = avae_jax.pretrained("digits").trained
    >>> x = np.zeros((2, 24, 24, 1), np.float32)
    >>> x[:, 6:18, 11:13] = 1
    >>> found = avae_jax.pretrained("digits").find(x)
    >>> keys = avae_jax.example_keys(jax.random.key(0), np.arange(2))
    >>> avae_jax.pose_posterior(params, keys, x, found, avae=avae).centres.shape
    (2, 2, 3, 3)
    """
    if not has_derivatives(params, latent_size(params, x[0], avae=avae), avae=avae):
        sizes = {"codes": CODES, "chunk": chunk}
        return curvature_posterior(params, keys[0], x, found, avae=avae, **sizes)
    known = joint_posterior(params, x, found, avae=avae, chunk=chunk)
    draws, log_weights = weighted_draws(
        params, keys, x, known, avae=avae, samples=samples, chunk=chunk
    )
    return fit_poses(known, draws, log_weights, avae=avae)


def fit_poses(
    posterior: JointPosterior, draws: JointDraws, log_weights: Array, *, avae: AVAE
) -> Mixture:
    """The normals of the pose, fitted to draws of `weighted_draws` with `log_weights: [B, N]`."""
    return jax.vmap(lambda *one: _fitted(*one, avae=avae))(posterior, draws, log_weights)


def _fitted(
    posterior: JointPosterior, draws: JointDraws, log_weights: Array, *, avae: AVAE
) -> Mixture:
    latent, count = posterior.codes.shape[-1], len(log_weights)
    weights = jax.nn.softmax(jnp.where(jnp.isnan(log_weights), -jnp.inf, log_weights))
    belongs = jax.nn.softmax(draws.log_parts, 0)
    # Without any finite weight there is nothing to learn from the draws.
    weights = jnp.where(jnp.isfinite(weights), weights, 0)
    effective = 1 / jnp.maximum((weights * weights).sum(), 1 / count)
    known = jnp.isfinite(draws.local).all(-1) & jnp.isfinite(belongs)
    mine = jnp.where(known, belongs, 0) * weights[None]
    total = mine.sum(1)
    share = mine / jnp.maximum(total, jnp.finfo(total.dtype).tiny)[:, None]
    local = jnp.where(known[..., None], draws.local, 0)
    draws_of = (effective * total)[:, None]
    mean = (share[..., None] * local).sum(1) * draws_of / (draws_of + 1)
    off = local - mean[:, None]
    seen = jnp.einsum("kn,kni,knj->kij", share, off, off, precision="highest")
    spread = posterior.spread[:, latent:]
    before = jnp.einsum("kij,klj->kil", spread, spread, precision="highest")
    draws_of = draws_of[..., None]
    covariance = (draws_of * seen + EARLIER * before) / (draws_of + EARLIER)
    covariance = covariance + LEAST * jnp.eye(avae.group.size, dtype=seen.dtype)[None]
    # As if one more draw had gone by the weights before the fit.
    heights = jnp.logaddexp(jnp.log(total * effective), posterior.log_weights)
    return Mixture(
        jax.vmap(lambda pose, step: retract(avae.group, pose, step))(posterior.poses, mean),
        jax.vmap(cholesky)(covariance),
        jax.nn.log_softmax(jnp.where(jnp.isfinite(posterior.log_weights), heights, -jnp.inf)),
    )
