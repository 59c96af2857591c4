"""Pose inference: from a batch of observations to their poses.

`find_poses` searches a batch of observations by an affine VAE and its weights.
"""

import functools

import jax
import jax.numpy as jnp

from avae_jax.config.options import SearchOptions
from avae_jax.core import collectives
from avae_jax.core.collectives import Axes
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.problem import bounded, prepare, problem
from avae_jax.inference.proposals.template_bank import (
    Proposals,
    TemplateBank,
    build_templates,
    kmeans,
    propose_starts,
)
from avae_jax.inference.search import SearchResult, search, start_poses
from avae_jax.models.objective import AVAE


def find_poses(
    params: Params,
    keys: Key,
    x: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
    bank: TemplateBank | None = None,
    noise: Key | None = None,
    axes: Axes | None = None,
) -> SearchResult:
    """Searches the pose of every observation.

    Args:
      keys: `[B]`, one for each example, for its starts.
      x: `[B, *S, C]`.
      options: resolved search options.
      bank: needed if `options.kind` is `bank`, see `build_bank`.
      noise: `[B]`, keys that sample z, with the same noise at every pose of an example, as in
        training: while a posterior is wide, the decoder has not learned its mean. `None`
        takes the mean.
      axes: mesh axes of the devices that share the search of each example; all get the same
        result (see `core.collectives`).

    Returns:
      The found poses carry each observation to the canonical pose; the pose of the
      object is their inverse.
    """
    params = jax.lax.stop_gradient(params)
    begin = jax.vmap(lambda key, one: begin_at(key, one, bank, avae=avae, options=options))(keys, x)
    seen = jax.vmap(lambda one, noise: prepare(one, avae=avae, noise=noise))(x, noise)
    chosen = begin.doubt > options.doubt if options.doubt else None
    options = bounded(options, avae)
    task = problem(params, avae)._replace(share=functools.partial(collectives.divided, axes=axes))
    return search(task, seen, begin.poses, options=options, chosen=chosen)


def build_bank(
    params: Params,
    met: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
    head: Params | None = None,
) -> TemplateBank | None:
    """The bank of the cluster centres of codes `met: [N, Z]`, with its head; `None` if unused."""
    if options.kind != "bank":
        return None
    params, met = jax.lax.stop_gradient((params, met))
    prototypes = kmeans(met, options.prototypes)
    bank = build_templates(params, prototypes, avae=avae, turns=options.turns)
    return bank._replace(head=jax.lax.stop_gradient(head))


def begin_at(
    key: Key, x: Array, bank: TemplateBank | None, *, avae: AVAE, options: SearchOptions
) -> Proposals:
    """The starts of the search of one observation `x: [*S, C]`, and their doubt.

    Raises:
      ValueError: the options need a bank and there is none.
    """
    if options.kind != "bank":
        poses = start_poses(key, avae.group, avae.ranges, kind=options.kind, count=options.starts)
        return Proposals(poses, jnp.ones(len(poses)))
    if bank is None:
        raise ValueError("search.kind=bank: no bank given, wanted one of build_bank")
    return propose_starts(
        bank,
        x,
        avae=avae,
        count=options.starts,
        degrees=options.distance,
    )
