"""Poses from all rotations on: the best of a grid, then between its rotations, on the same blocks.

Rotations of a grid are further apart than what volumes tell of them. The best of them shows the
directions that change a volume most as well as it can, and takes the others as they come: of a
body of revolution it has the axis, and any azimuth.
"""

import dataclasses

import numpy as np

from avae_jax.core.errors import NumericalError
from avae_jax.inference.averaging.volumes.coarse import Held, candidates, held
from avae_jax.inference.averaging.volumes.level import Level, Volumes
from avae_jax.inference.averaging.volumes.model import Model, blurred
from avae_jax.inference.averaging.volumes.near import Fine, Near, at, fine, maximised, posed

SETTLED = 0.02  # nats a volume: a smaller gain ends the rounds
STEPS = 4  # of every pose
NUMBER, KEPT = 12, 4  # rotations of the grid, and poses taken to finer blocks


@dataclasses.dataclass(frozen=True)
class Search:
    """Volumes on the grid of a level, and between its poses."""

    level: Level
    grid: Held
    between: Fine


def search(volumes: Volumes, level: Level) -> Search:
    """What a search of volumes on a level needs."""
    return Search(level, held(volumes, level), fine(volumes, level.factor))


def searched(data: Search, model: Model, number: int) -> Near:
    """Poses from `number` rotations of the grid on, for models of the level's blocks."""
    found = [
        candidates(data.grid, blurred(average, data.level.factor), model.common, data.level, number)
        for average in model.averages
    ]
    rotation, shift = (np.stack(part, 1) for part in zip(*found, strict=True))
    return posed(data.between, model, rotation, shift, steps=STEPS)


def searched_near(data: Search, nearer: Fine, model: Model) -> Near:
    """Poses on finer blocks, for models of them, from the best of a search of all rotations."""
    low = at(model, nearer.level.factor, data.level.factor)
    return posed(nearer, model, *best(searched(data, low, NUMBER), KEPT), steps=STEPS)


def best(near: Near, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest poses, each once: `[N, K, number, 3, 3]` and `[N, K, number, 3]`."""
    order = np.argsort(-near.logs, axis=2, kind="stable")[:, :, :number]
    rotation: np.ndarray = np.take_along_axis(near.poses.rotation, order[..., None, None], 2)
    return rotation, np.take_along_axis(near.poses.shift, order[..., None], 2)


def search_rounds(data: Search, model: Model, number: int, *, most: int) -> tuple[Model, Near]:
    """Rounds that search all rotations each time; poses are those before the last average.

    Raises:
      NumericalError: a likelihood that is not finite.
    """
    before = -np.inf
    for _ in range(most):
        near = searched(data, model, number)
        if not np.isfinite(near.log_likelihood):
            raise NumericalError(
                f"averaging volumes: the log-likelihood became {near.log_likelihood}"
            )
        model = maximised(data.between, model, near)
        if near.log_likelihood - before < SETTLED * len(near.weight):
            break
        before = near.log_likelihood
    return model, near
