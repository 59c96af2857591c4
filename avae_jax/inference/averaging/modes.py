"""The likeliest pose of each image, and images set upright by it."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.even_map import even_map
from avae_jax.core.types import Array
from avae_jax.inference.averaging.data import Data
from avae_jax.inference.averaging.disc import Disc, moved
from avae_jax.inference.averaging.model import Common, Model
from avae_jax.inference.averaging.rounds import Batch, bank, log_poses, products
from avae_jax.inference.averaging.sampling import Level
from avae_jax.inference.averaging.turn import turned

APART = 15.0  # degrees: samples of the grid closer than that are one mode
LIKELY = 10.0  # nats below the best, beyond which a mode is none
MODES = 4  # angles of an image that are followed, at most, under each class
RARE = 0.01  # share of the images that have more modes than are followed


class Modes(NamedTuple):
    """For every image and class the best sample of the grid.

    Attributes:
      logs: log of class share and likelihood ratio, poses summed over, `[N, K]`.
      angle: radians, `[N, K]`.
      shift: pixels from the batch's centres, `[N, K, 2]`.
      turn: log of the best pose at each angle, `[N, K, A]`.
      place: the number of the shift that is best there, `[N, K, A]`.
    """

    logs: np.ndarray
    angle: np.ndarray
    shift: np.ndarray
    turn: np.ndarray
    place: np.ndarray


def modes(data: Data, model: Model, level: Level) -> Modes:
    """The best samples of a grid that is not turned at random."""
    banks = [bank(m, model.common.noise, jnp.float32(0), level=level) for m in model.averages]
    found = []
    for batch in data.batches:
        one = [
            _modes(batch, templates, norms, model.common, share, level=level)
            for (templates, norms), share in zip(banks, model.shares, strict=True)
        ]
        found.append([np.stack(part, 1) for part in zip(*one, strict=True)])
    return Modes(*(np.concatenate(part)[: data.count] for part in zip(*found, strict=True)))


@functools.partial(jax.jit, static_argnames="level")
def _modes(
    batch: Batch, templates: Array, norms: Array, common: Common, share: Array, *, level: Level
) -> Modes:
    product = products(batch, templates, common.noise, level=level)
    found = log_poses(product, norms, batch, common, share, level=level)
    turn = found.max(2)
    angle = turn.argmax(1)
    shift = jnp.take_along_axis(found, angle[:, None, None], 1)[:, 0].argmax(1)
    return Modes(
        jax.nn.logsumexp(found, axis=(1, 2)),
        jnp.asarray(level.angles)[angle],
        jnp.asarray(level.shifts)[shift],
        turn,
        found.argmax(2).astype(jnp.int16),
    )


def peaks(found: Modes, level: Level, most: int) -> Modes:
    """Up to `most` maxima along the angle for every image and class, the best first.

    Angles `[N, K * M]` and shifts likewise, M as few as nearly all images need; an image that has
    fewer repeats its best.
    """
    value, away = found.turn, round(level.turns * APART / 360)
    top = (value >= np.roll(value, 1, 2)) & (value > np.roll(value, -1, 2))
    left = np.where(top, value, -np.inf)
    order = np.arange(level.turns)
    picked: list[np.ndarray] = []
    limit = value.max((1, 2)) - LIKELY
    for _ in range(most):
        if picked and (left.max((1, 2)) > limit).mean() < RARE:
            break
        top = left.argmax(2)
        none = np.isneginf(np.take_along_axis(left, top[..., None], 2)[..., 0])
        picked.append(np.where(none, picked[0] if picked else top, top))
        far = np.abs((order - top[..., None] + level.turns // 2) % level.turns - level.turns // 2)
        left = np.where(far <= away, -np.inf, left)
    best = np.stack(picked, 2)
    shift = level.shifts[np.take_along_axis(found.place, best, 2)]
    flat = len(value), -1
    return found._replace(angle=level.angles[best].reshape(flat), shift=shift.reshape(*flat, 2))


def uprights(data: Data, angles: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Vectors `[N, C, P]` of the images moved back by `[N, 2]` and turned back by `[N]`."""
    size = len(data.batches[0].weight)
    made = []
    for index, batch in enumerate(data.batches):
        mine = slice(index * size, (index + 1) * size)
        room = size - len(angles[mine])
        angle = np.pad(angles[mine].astype(np.float32), (0, room))
        shift = np.pad(shifts[mine].astype(np.float32), ((0, room), (0, 0)))
        made.append(np.asarray(_uprights(batch.vectors, angle, shift, disc=data.disc)))
    return np.concatenate(made)[: data.count]


@functools.partial(jax.jit, static_argnames="disc")
def _uprights(vectors: Array, angles: Array, shifts: Array, *, disc: Disc) -> Array:
    def one(vector: tuple[Array, Array]) -> Array:
        return turned(vector[0], vector[1][None], disc)[0]

    back = moved(vectors, -shifts[:, None], disc)
    return even_map(one, (back, -angles), most=64)
