"""Classes that are one object in several poses: found, and laid on each other."""

from collections.abc import Callable

import numpy as np

from avae_jax.inference.averaging.result import APART
from avae_jax.inference.averaging.volumes.level import Volumes
from avae_jax.inference.averaging.volumes.model import Model
from avae_jax.inference.averaging.volumes.near import Near, fine

CLEARLY = 0.7  # of the difference of two averages: what is left when one is turned


def laid(
    model: Model, near: Near, factor: int, search: Callable[[Volumes, Model], Near]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rotations `[N, 3, 3]` and shifts `[N, 3]` towards the largest class.

    `None` where no other class looks clearly more like it from another side: all classes began
    in one frame.

    Args:
      search: poses of volumes under a model of one class.
    """
    first = int(model.shares.argmax())
    one = model._replace(
        averages=model.averages[first : first + 1],
        shrunk=model.shrunk[first : first + 1],
        shares=np.ones(1, np.float32),
    )
    averages = Volumes(
        model.averages, np.ones_like(model.averages), np.zeros((len(model.averages), 3))
    )
    found = search(averages, one)
    turns, moves, logs = (
        part[:, 0, 0] for part in (found.poses.rotation, found.poses.shift, found.logs)
    )
    blocks = fine(averages, factor).blocks.sums[:, 0]
    apart = ((blocks - blocks[first]) ** 2).sum(1)
    noise = float(model.common.noise)
    product, norm = found.poses.product[:, 0, 0], found.poses.norm[:, 0, 0]
    left = (blocks**2).sum(1) + noise * (norm - 2 * product)
    far = np.trace(turns, 0, 1, 2) < 1 + 2 * np.cos(np.radians(APART))
    turned = far & (left < CLEARLY * apart) & np.isfinite(logs)
    turned[first] = False
    if not turned.any():
        return None
    rows, best = np.arange(len(near.weight)), near.weight.sum(2).argmax(1)
    rotation, shift = near.poses.rotation[rows, best, 0], near.poses.shift[rows, best, 0]
    turn = np.where(turned[:, None, None], turns, np.eye(3))[best]
    move = np.where(turned[:, None], moves, 0)[best]
    return rotation @ turn, shift + np.einsum("nij,nj->ni", rotation, move)
