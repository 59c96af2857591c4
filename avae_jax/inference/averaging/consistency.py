"""How well poses agree with themselves: an image turned by a quarter is to be found a quarter on.

A quarter turn needs no interpolation, so that whatever differs is the search's own uncertainty.
"""

from typing import NamedTuple

import numpy as np

from avae_jax.inference.averaging.data import held, lowered
from avae_jax.inference.averaging.disc import Disc, lower
from avae_jax.inference.averaging.em import near_rounds
from avae_jax.inference.averaging.local import bank_of
from avae_jax.inference.averaging.model import Model
from avae_jax.inference.averaging.modes import modes, peaks
from avae_jax.inference.averaging.near import Found, best_of, found_of
from avae_jax.inference.averaging.sampling import Level

JUMP = 20.0  # degrees


class Consistency(NamedTuple):
    """What a quarter turn changes.

    Attributes:
      examples: that were turned.
      median_deg: median difference from 90 degrees.
      jumps: share that differs by more than `JUMP`.
    """

    examples: int
    median_deg: float
    jumps: float


def consistency(degrees: np.ndarray) -> Consistency:
    """What differences `[n]` from a quarter turn come to, in degrees."""
    return Consistency(len(degrees), float(np.median(degrees)), float((degrees > JUMP).mean()))


def quarter_turns(
    images: np.ndarray,
    centre: tuple[float, float],
    found: Found,
    model: Model,
    disc: Disc,
    level: Level,
    *,
    size: int,
    most: int,
) -> Consistency:
    """Searches some images again, turned by a quarter.

    Args:
      images: squares `[N, n, n, C]`, their centre in pixels.
      found: their poses under the model, whose vectors are of `disc`.
      level: where the search begins, at low resolution.
      size: images that are turned.
      most: modes of an image that are followed.
    """
    some = np.unique(np.linspace(0, len(images) - 1, min(size, len(images))).round().astype(int))
    turned = np.rot90(images[some], axes=(1, 2))
    data = held(turned, disc, size=size, centre=(images.shape[1] - 1 - centre[1], centre[0]))
    coarse = lowered(data, level.disc)
    low = model._replace(
        averages=lower(model.averages, disc, level.disc),
        common=model.common._replace(noise=model.common.noise[:, : level.disc.radius]),
    )
    begun = peaks(modes(coarse, low, level), level, most)
    _, near = near_rounds(data, model, bank_of(disc), begun, most=1)
    again = best_of(found_of(near, bank_of(disc), begun, np.zeros((len(some), 2))))
    rows, best = np.arange(len(some)), found.logs[some].argmax(1)
    off = again.angle[rows, best] - found.angle[some, best] - np.pi / 2
    return consistency(np.abs(np.degrees(np.angle(np.exp(1j * off)))))
