"""Flags ambiguous poses: the runner-up optimum is almost as likely."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import SearchOptions
from avae_jax.core.types import Array
from avae_jax.inference.search import SearchResult
from avae_jax.inference.search.select import near

# Below this gap, in nats, another pose explains an example nearly as well. Losses of grey pixels
# are overconfident, so the gap exceeds what the odds alone would require
# (docs/decisions/0020-margin-of-doubt.md).
DOUBTFUL = 5.0
# Poses nearer than this are one optimum, where the search does not say how far apart they are.
DEGREES = 15.0
# Candidates kept, and refined if at most so many nats behind, to tell how far the next optimum is.
KEEP, MARGIN = 4, 20.0


def with_candidates(search: SearchOptions) -> SearchOptions:
    """The resolved `search` with candidates enough to tell how far the next optimum is."""
    wide = dataclasses.replace(search, keep=min(max(search.keep, KEEP), search.starts))
    if search.method == "line":
        wide = dataclasses.replace(wide, margin=max(search.margin, MARGIN))
    return wide


def runner_up_gap(result: SearchResult, *, degrees: float) -> Array:
    """Nats `[B]` by which the best candidate apart from the best of all lies above it."""

    def one(poses: Array, losses: Array) -> Array:
        same = near(poses, poses[:1], degrees=degrees)[:, 0]
        return jnp.where(same, jnp.inf, losses).min() - losses[0]

    return jax.vmap(one)(result.candidates, result.candidate_losses)


def is_ambiguous(gap: np.ndarray, *, nonfinite: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """Which examples `[n]` to look at before their poses are believed.

    Args:
      gap: nats to the next optimum.
      nonfinite: starts and candidates whose loss was not finite.
      constant: whether an example has one value everywhere.
    """
    return (gap < DOUBTFUL) | (nonfinite > 0) | constant
