"""How well poses of volumes agree with themselves, turned by a quarter and as they came."""

import numpy as np

from avae_jax.inference.averaging.consistency import Consistency, consistency
from avae_jax.inference.averaging.volumes.level import Level, Volumes
from avae_jax.inference.averaging.volumes.model import Model
from avae_jax.inference.averaging.volumes.near import Near, fine
from avae_jax.inference.averaging.volumes.search import search, searched_near

# Volumes that are turned at most. Of fewer all are: programs for their number exist.
MOST = 256
# Of the first axis towards the second, as `np.rot90`.
TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def quarter_turns(
    volumes: Volumes, near: Near, model: Model, level: Level, *, factor: int
) -> Consistency:
    """Searches volumes again, turned by a quarter; none of it needs interpolation.

    Args:
      near: their poses under the model, on blocks of `factor` voxels.
      level: where the search begins.
    """
    count = len(volumes.values)
    some = np.unique(np.linspace(0, count - 1, min(MOST, count)).round().astype(int))
    values, observed = (
        np.ascontiguousarray(np.rot90(part[some], axes=(1, 2)))
        for part in (volumes.values, volumes.observed)
    )
    turned = Volumes(values, observed, volumes.centres[some] @ TURN.T)
    again = searched_near(search(turned, level), fine(turned, factor), model)
    best = near.weight[some].sum(2).argmax(1)
    before, after = (
        each[np.arange(len(some)), best, logs[np.arange(len(some)), best].argmax(1)]
        for each, logs in (
            (near.poses.rotation[some], near.logs[some]),
            (again.poses.rotation, again.logs),
        )
    )
    trace = np.einsum("nij,nij->n", TURN @ before, after)
    return consistency(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))
