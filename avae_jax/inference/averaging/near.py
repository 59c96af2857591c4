"""Poses of a whole stack, between the samples of a grid."""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from avae_jax.inference.averaging.local import Poses
from avae_jax.inference.averaging.modes import Modes
from avae_jax.inference.averaging.sampling import Level


class Found(NamedTuple):
    """Poses towards every class.

    Attributes:
      angle: radians, `[N, K]`.
      shift: pixels, in all, `[N, K, 2]`.
      logs: of class share and likelihood ratio, poses summed over, `[N, K]`.
      spread: posterior covariance in radians and pixels, `[N, K, 3, 3]`.
      turn: log of the best pose at each angle of a grid, `[N, K, A]`.
    """

    angle: np.ndarray
    shift: np.ndarray
    logs: np.ndarray
    spread: np.ndarray
    turn: np.ndarray

    def of(self, order: np.ndarray) -> "Found":
        """The classes in another order."""
        return Found(*(part[:, order] for part in self))


def found_of(poses: list[list[Poses]], level: Level, grid: Modes, centres: np.ndarray) -> Found:
    """What batches of poses `[batches][M]` say of the `N` images of a grid's modes, `[N, M]`."""
    parts = [Poses(*(np.stack(part, 1) for part in zip(*mine, strict=True))) for mine in poses]
    angle, shift, logs, spread = (
        np.concatenate([np.asarray(part[i]) for part in parts])[: len(centres)]
        for i in range(len(Poses._fields))
    )
    unit = 2 * np.pi / level.turns
    scale = np.array([unit, 1, 1])
    return Found(
        angle * unit, shift + centres[:, None], logs, spread * scale[:, None] * scale, grid.turn
    )


def best_of(found: Found) -> Found:
    """The likeliest mode of each class, the logs those of all its modes together."""
    count, classes = found.turn.shape[:2]
    logs = found.logs.reshape(count, classes, -1)
    best = logs.argmax(2)
    column = best + np.arange(classes) * logs.shape[2]
    rows = np.arange(count)[:, None]
    return found._replace(
        angle=found.angle[rows, column],
        shift=found.shift[rows, column],
        logs=logsumexp(logs, axis=2),
        spread=found.spread[rows, column],
    )
