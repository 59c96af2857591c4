"""Pose inference: from a batch of observations to their poses.

`problem` makes a search problem of an affine VAE and its weights; `find_poses` searches a batch.
"""

import functools

import jax
import jax.numpy as jnp

from avae_jax.config.options import SearchOptions
from avae_jax.core import collectives
from avae_jax.core.collectives import Axes
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.problem import bounded, problem, see
from avae_jax.inference.proposals.template_bank import Bank, Proposals, build, centres, propose
from avae_jax.inference.search import SearchResult, search, start_poses
from avae_jax.models.objective import AVAE


def find_poses(
    params: Params,
    keys: Key,
    x: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
    bank: Bank | None = None,
    noise: Key | None = None,
    axes: Axes | None = None,
) -> SearchResult:
    """Searches the pose of every observation.

    Args:
      keys: `[B]`, one an example, for its starts.
      x: `[B, *S, C]`.
      options: resolved search options.
      bank: needed if `options.kind` is `bank`, see `build_bank`.
      noise: `[B]`, samples z, the same noise at every pose of an example, as training does:
        until a posterior is narrow a decoder has learned nothing about its mean. `None`
        takes the mean.
      axes: of the devices that share each example and do a part of its search each; all find
        the same (see `sharing`).

    Returns:
      The found poses carry each observation to the canonical pose; the pose of the
      object is their inverse.
    """
    params = jax.lax.stop_gradient(params)
    begin = jax.vmap(lambda key, one: begin_at(key, one, bank, avae=avae, options=options))(keys, x)
    seen = jax.vmap(lambda one, noise: see(one, avae=avae, noise=noise))(x, noise)
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
) -> Bank | None:
    """The bank of the centres of objects `met: [N, Z]` and its head; `None` if none is used."""
    if options.kind != "bank":
        return None
    params, met = jax.lax.stop_gradient((params, met))
    prototypes = centres(met, options.prototypes)
    bank = build(params, prototypes, avae=avae, turns=options.turns)
    return bank._replace(head=jax.lax.stop_gradient(head))


def begin_at(
    key: Key, x: Array, bank: Bank | None, *, avae: AVAE, options: SearchOptions
) -> Proposals:
    """Where the search of one observation `x: [*S, C]` starts, and how doubtful that is.

    Raises:
      ValueError: the options want a bank and there is none.
    """
    if options.kind != "bank":
        poses = start_poses(key, avae.group, avae.ranges, kind=options.kind, count=options.starts)
        return Proposals(poses, jnp.ones(len(poses)))
    if bank is None:
        raise ValueError("search.kind=bank: no bank given, wanted one of build_bank")
    return propose(
        bank,
        x,
        avae=avae,
        count=options.starts,
        degrees=options.distance,
    )
