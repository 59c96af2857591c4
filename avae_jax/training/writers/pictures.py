"""One picture of a moment of a training: held-out examples and what the model makes of them."""

from collections.abc import Sequence

import numpy as np

from avae_jax.core.types import Array
from avae_jax.evaluation.held_out import CompiledEvaluation, in_batches
from avae_jax.evaluation.task import Task
from avae_jax.inference.trained import Trained
from avae_jax.report import picture, sprite, volume

SHOWN = 8
SIDE = 64  # pixels that a small image is enlarged to, at least


def moment(
    task: Task, trained: Trained, calls: CompiledEvaluation, found: np.ndarray
) -> np.ndarray:
    """`uint8 [H, W, 3]`, a column for each of the first examples.

    The rows are the example as observed, carried to the canonical pose, decoded there, and
    decoded in the pose of the example.

    Args:
      found: `[n, d + 1, d + 1]`, found poses of the first test examples.
    """

    def one(x: Array, index: Array, poses: Array) -> tuple[Array, ...]:
        observed, _ = calls.apply(x=x, index=index)
        views = calls.views(params=trained.params, x=observed, poses=poses)
        return observed, views.canonical_input, views.canonical, views.reconstruction

    # A whole batch, whose program the evaluation shares.
    count = min(task.options.eval.batch_size, len(found))
    return tiled([row[:SHOWN] for row in in_batches(one, task, count, found[:count])])


def tiled(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of examples `[n, *S, C]` as one picture, `uint8 [H, W, 3]`; volumes are rendered."""
    radius = max(1.0, sprite.reach([example for row in rows for example in row]))
    lines = [np.concatenate([_cell(example, radius) for example in row], axis=1) for row in rows]
    return np.concatenate(lines)


def _cell(example: np.ndarray, radius: float) -> np.ndarray:
    if example.ndim == 4:
        colours = volume.render(example, radius=radius, size=SIDE, fine=sprite.FINE)
        opaque = colours[..., 3:] / 255
        return np.round(colours[..., :3] * opaque + 255 * (1 - opaque)).astype(np.uint8)
    levels = picture.levels(example)
    levels = levels if levels.ndim == 3 else levels[..., None].repeat(3, axis=-1)
    times = -(-SIDE // max(levels.shape[:2]))
    return levels.repeat(times, axis=0).repeat(times, axis=1)
