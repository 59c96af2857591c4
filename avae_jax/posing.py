"""Posing: from a batch of observations to their poses, by searching the objective.

Here the objective meets the search: `problem` turns an affine VAE and its weights into
what `search` wants, `find_poses` searches a batch.
"""

import jax
import jax.numpy as jnp

from avae_jax.objective import AVAE, predict, search_loss
from avae_jax.options import SearchOptions
from avae_jax.search import Problem, SearchResult, search, starts
from avae_jax.transform.families import retract
from avae_jax.types import Array, Key, Params


def problem(params: Params, avae: AVAE) -> Problem:
    """The search problem of an affine VAE: one example `[*S, C]`, z at its mean."""
    return Problem(
        predict=lambda x, pose: predict(params, None, x, pose, avae=avae),
        loss=lambda x, outputs: search_loss(params, x, outputs, avae=avae),
        retract=lambda pose, alpha: retract(avae.group, pose, alpha),
        size=avae.group.size,
    )


def find_poses(
    params: Params, keys: Key, x: Array, *, avae: AVAE, options: SearchOptions
) -> SearchResult:
    """Searches the pose of every observation.

    Args:
      keys: `[B]`, one an example, for its starts.
      x: `[B, *S, C]`.
      options: resolved search options.

    Returns:
      The found poses carry each observation to the canonical pose; the pose of the
      object is their inverse.
    """

    def begin(key: Key) -> Array:
        return starts(key, avae.group, avae.ranges, kind=options.kind, count=options.starts)

    params = jax.lax.stop_gradient(params)
    return search(problem(params, avae), x, jax.vmap(begin)(keys), options=options)


def example_keys(key: Key, index: Array) -> Key:
    """A key `[B]` for every example: `index: [B]` are global example indices."""
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.asarray(index))
