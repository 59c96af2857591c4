"""Losses, poses and views of a batch of examples.

Every function takes a batch, is pure, and is compiled by its caller. Random numbers depend on
the key and the index of the example only.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.config.options import SearchOptions
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.curvature_posterior import curvature_posterior
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.joint_marginal import weighted_draws
from avae_jax.inference.joint_posterior import has_derivatives, joint_posterior, latent_size
from avae_jax.inference.marginal import Evidence, marginal_bound, summarise
from avae_jax.inference.posterior import fit_poses
from avae_jax.inference.problem import example_keys
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.inference.search import SearchResult
from avae_jax.models.augmentation import pose_batch
from avae_jax.models.objective import (
    AVAE,
    canonicalise,
    crop_to_inner,
    elbo,
    render,
    to_observation,
)
from avae_jax.transform.frame import support
from avae_jax.transform.matrices import determinant, identity
from avae_jax.transform.mixture import Mixture


def apply_poses(key: Key, x: Array, index: Array, *, avae: AVAE) -> tuple[Array, Array]:
    """Each test example at its fixed random pose, and this pose."""
    return pose_batch(example_keys(jax.random.fold_in(key, 0), index), x, avae=avae)


def search_batch(
    params: Params,
    key: Key,
    x: Array,
    index: Array,
    bank: TemplateBank | None,
    *,
    avae: AVAE,
    search: SearchOptions,
) -> SearchResult:
    """Searches observations `x: [B, *S, C]`, with starts that depend on their index."""
    keys = example_keys(jax.random.fold_in(key, 1), index)
    return find_poses(params, keys, x, avae=avae, options=search, bank=bank)


def losses(params: Params, key: Key, x: Array, index: Array, poses: Array, *, avae: AVAE) -> Array:
    """The reported loss `[B]`, nll + KL in nats with z sampled, of `x` at `poses`."""

    def one(key: Key, example: Array, pose: Array) -> Array:
        terms = elbo(params, key, example, pose, avae=avae)
        return terms.nll + terms.kl

    return jax.vmap(one)(example_keys(jax.random.fold_in(key, 2), index), x, poses)


def unmoved(x: Array, *, avae: AVAE) -> Array:
    """The identity pose for every example, `[B, d + 1, d + 1]`."""
    one = identity(avae.group.d)
    return jnp.broadcast_to(one, (x.shape[0], *one.shape))


class Views(NamedTuple):
    """Images of an example at the stages of the model, and two checks.

    Attributes:
      canonical_input: `[B, *S, C]`, the observation carried to the canonical frame.
      canonical: `[B, *S, C]`, the decoded object.
      reconstruction: `[B, *S, C]`, the decoded object in the frame of the observation.
      mu: `[B, Z]`.
      outside: `[B]`, mean of the rendered frame minus background, outside the support.
      cropped: `[B]`, share of the decoded mass that is lost on the way back.
    """

    canonical_input: Array
    canonical: Array
    reconstruction: Array
    mu: Array
    outside: Array
    cropped: Array


def views(params: Params, x: Array, poses: Array, *, avae: AVAE) -> Views:
    """Pictures of observations `x: [B, *S, C]` at found `poses`, z at its mean."""
    mask = support(avae.inner)

    def one(example: Array, pose: Array) -> Views:
        moved = canonicalise(example, pose, avae=avae)
        mu, _ = avae.model.encode(params, moved)
        drawn = render(params, mu, avae=avae)
        back = to_observation(drawn, pose, avae=avae)
        fill = avae.fill.reshape((1,) * avae.group.d + (-1,))
        outside = ((drawn - fill) * (1 - mask)).sum()
        outside = outside / jnp.maximum((1 - mask).sum() * drawn.shape[-1], 1)
        mass = jnp.abs(drawn - fill).sum()
        # The inverse of the pose scales volumes by its determinant.
        kept = jnp.abs(back - fill).sum() * jnp.abs(determinant(pose[:-1, :-1]))
        cropped = jnp.maximum(1 - kept / jnp.maximum(mass, 1e-6), 0)
        return Views(moved, drawn, crop_to_inner(back, avae=avae), mu, outside, cropped)

    return jax.vmap(one)(x, poses)


def posterior_batch(
    params: Params,
    key: Key,
    x: Array,
    index: Array,
    found: SearchResult,
    *,
    avae: AVAE,
    samples: int,
    chunk: int | None,
) -> tuple[Evidence, Mixture]:
    """The bound `[B]` and the pose posterior of observations `x: [B, *S, C]`, of the same draws.

    They depend on key and index only. Code and pose are drawn together where the decoder has
    derivatives.

    Args:
      found: the result of a search of them.
      samples, chunk: as for `marginal_bound`.
    """
    keys = example_keys(jax.random.fold_in(key, 3), index)
    sizes = {"samples": samples, "chunk": chunk}
    if has_derivatives(params, latent_size(params, x[0], avae=avae), avae=avae):
        known = joint_posterior(params, x, found, avae=avae, chunk=chunk)
        draws, log_weights = weighted_draws(params, keys, x, known, avae=avae, **sizes)
        return jax.vmap(summarise)(log_weights), fit_poses(known, draws, log_weights, avae=avae)
    # A proposal need not be calibrated, and costs less without codes.
    posterior = curvature_posterior(params, key, x, found, avae=avae, codes=0, chunk=chunk)
    return marginal_bound(params, keys, x, posterior, avae=avae, **sizes), posterior
