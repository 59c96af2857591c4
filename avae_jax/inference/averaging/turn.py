"""Turning averages: every angle of a bank at once, and back again."""

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array
from avae_jax.inference.averaging.disc import Disc, from_disc, to_disc

FINER = 4  # samples of the grid interpolated in, for one that the band needs
EDGE = 0.06  # width of the mask's edge, in units of half the side
RIM = 0.15  # width of the background within the mask, likewise


def turned(vectors: Array, radians: Array, disc: Disc) -> Array:
    """Vectors `[A, C, P]` of an average `[C, P]` turned by angles `[A]`.

    Positive angles turn from the first axis towards the second, as `np.rot90`.
    """
    fine = from_disc(vectors, disc, _fine(disc), sharpen=True)
    sample = jax.vmap(_sampled, (None, 0, None))
    return to_disc(sample(fine, radians, _coarse(disc)), disc)


def turned_back(vectors: Array, radians: Array, disc: Disc, reach: Array) -> Array:
    """The sum `[C, P]` of vectors `[A, C, P]`, each turned back by its angle and masked."""

    def add(total: Array, one: tuple[Array, Array]) -> tuple[Array, None]:
        fine = from_disc(one[0], disc, _fine(disc), sharpen=True)
        return total + _sampled(fine, -one[1], _coarse(disc)), None

    side = _coarse(disc)
    empty = jnp.zeros((vectors.shape[1], side, side))
    total, _ = jax.lax.scan(add, empty, (vectors, radians))
    kept = mask(side, reach)
    # Vectors have no mean: what lies beyond the object is below zero, and would move with it.
    rim = kept - mask(side, reach - RIM)
    level = (total * rim[None]).sum((1, 2), keepdims=True) / (rim.sum() + 1e-6)
    return to_disc((total - level) * kept[None], disc)


def mask(side: int, reach: Array) -> Array:
    """1 within `reach` (in half sides) of the centre of `[side, side]`, 0 beyond, softly."""
    axis = (np.arange(side, dtype=np.float32) - (side - 1) / 2) / (side / 2)
    return jax.nn.sigmoid((reach - np.hypot(axis[:, None], axis)) / (EDGE / 2))


def _coarse(disc: Disc) -> int:
    return 2 * disc.radius + 2


def _fine(disc: Disc) -> int:
    return FINER * _coarse(disc)


def _sampled(fine: Array, angle: Array, side: int) -> Array:
    """`[C, side, side]`: images `[C, m, m]` of the same box turned by `angle`, linearly."""
    m = fine.shape[-1]
    axis = (np.arange(side, dtype=np.float32) - (side - 1) / 2) * (m / side)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    at = jnp.stack([cos * y + sin * x, cos * x - sin * y]) + (m - 1) / 2
    low = jnp.floor(at)
    part = at - low
    low = low.astype(jnp.int32)
    value = jnp.zeros((fine.shape[0], side, side))
    for step_y in (0, 1):
        for step_x in (0, 1):
            # The box repeats: what is beyond its border is masked anyway.
            index = (low[0] + step_y) % m, (low[1] + step_x) % m
            share_y = part[0] if step_y else 1 - part[0]
            share_x = part[1] if step_x else 1 - part[1]
            value += (share_y * share_x)[None] * fine[:, index[0], index[1]]
    return value
