"""Poses that carry examples to a common pose, from the examples alone."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions
from avae_jax.core.types import Array
from avae_jax.inference.proposals.template_bank import rotations
from avae_jax.inference.synchronisation.agreement import agreed_rotations, confirmation
from avae_jax.inference.synchronisation.pairs import (
    NEIGHBOURS,
    Standard,
    in_standard_position,
    similar_pairs,
)
from avae_jax.models.affine_model import AVAE, ProgramKey
from avae_jax.transform.families import Family
from avae_jax.transform.matrices import affine, matmul
from avae_jax.transform.prior import within

# Rotations at which a pair is compared: 5 degrees apart in 2-D, about 20 in 3-D.
TURNS = {2: 72, 3: 576}


def can_agree(group: Family, ranges: RangeOptions) -> bool:
    """Whether examples of a family can be registered: it has a full group of rotations."""
    turns = sum(name.startswith("rotation") for name in group.generators)
    whole = turns in (1, group.d * (group.d - 1) // 2)
    return whole and ranges.rotation >= 180 and not ranges.right_angles


class Agreed(NamedTuple):
    """Poses on which examples agree.

    Attributes:
      poses: `[N, d + 1, d + 1]`, each from the observation to the common pose, within the ranges.
      confirmed: how far pairs of examples that had no say confirm the poses; at most 1, near 0
        in noise.
    """

    poses: np.ndarray
    confirmed: float


def agreed_poses(x: Array, *, avae: AVAE) -> Agreed:
    """Poses on which examples agree, by registering them with one another.

    Args:
      x: `[N, *S, C]`, of a family for which `can_agree`; time and memory grow with N squared.
    """
    group, ranges = avae.group, avae.ranges
    standard = _standard_position(ProgramKey.of(avae))(x)
    pairs = similar_pairs(standard, rotations(group, ranges, TURNS[group.d]), avae=avae)
    used, others = pairs.ranks(0, NEIGHBOURS), pairs.ranks(NEIGHBOURS, pairs.neighbours.shape[1])
    found = agreed_rotations(used, mirrored=ranges.reflect)
    turned = np.swapaxes(found, -1, -2)
    back = affine(jnp.asarray(turned), jnp.zeros(turned.shape[:-1]))
    poses = np.asarray(_reached(matmul(back, standard.poses), group=group, ranges=ranges))
    return Agreed(poses, confirmation(others, used, found))


@functools.lru_cache(maxsize=4)
def _standard_position(key: ProgramKey) -> Callable[[Array], Standard]:
    return jax.jit(functools.partial(in_standard_position, avae=key.avae))


@functools.partial(jax.jit, static_argnames=("group", "ranges"))
def _reached(poses: Array, *, group: Family, ranges: RangeOptions) -> Array:
    return jax.vmap(functools.partial(within, group, ranges))(poses)
