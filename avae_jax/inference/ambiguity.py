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
# Angle below which poses are one optimum, if the search sets no distance.
DEGREES = 15.0
# Candidates kept, and largest distance in nats of refined ones, for the gap to the next optimum.
KEEP, MARGIN = 4, 20.0


def with_candidates(search: SearchOptions) -> SearchOptions:
    """The resolved `search` with enough candidates for the gap to the next optimum."""
    wide = dataclasses.replace(search, keep=min(max(search.keep, KEEP), search.starts))
    if search.method == "line":
        wide = dataclasses.replace(wide, margin=max(search.margin, MARGIN))
    return wide


def runner_up_gap(result: SearchResult, *, degrees: float) -> Array:
    """Gap `[B]` in nats from the best candidate to the next one that is apart from it."""

    def one(poses: Array, losses: Array) -> Array:
        same = near(poses, poses[:1], degrees=degrees)[:, 0]
        return jnp.where(same, jnp.inf, losses).min() - losses[0]

    return jax.vmap(one)(result.candidates, result.candidate_losses)


def is_ambiguous(gap: np.ndarray, *, nonfinite: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """Examples `[n]` with doubtful poses.

    Args:
      gap: nats to the next optimum.
      nonfinite: number of starts and candidates whose loss was not finite.
      constant: whether an example has one value everywhere.
    """
    return (gap < DOUBTFUL) | (nonfinite > 0) | constant
