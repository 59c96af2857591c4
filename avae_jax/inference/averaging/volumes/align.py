"""A stack of noisy volumes aligned: averages found, poses refined, all in one frame."""

import jax.numpy as jnp
import numpy as np
from scipy import ndimage

from avae_jax.inference.averaging.arguments import require_arguments
from avae_jax.inference.averaging.result import ClassAlignment
from avae_jax.inference.averaging.volumes.classes import split
from avae_jax.inference.averaging.volumes.coarse import Held, rounds
from avae_jax.inference.averaging.volumes.consistency import quarter_turns
from avae_jax.inference.averaging.volumes.level import Level, Volumes, recentred
from avae_jax.inference.averaging.volumes.model import Common, Model, ball
from avae_jax.inference.averaging.volumes.near import (
    Near,
    at,
    fine,
    maximised,
    near_round,
)
from avae_jax.inference.averaging.volumes.ready import ready
from avae_jax.inference.averaging.volumes.result import doubt, result
from avae_jax.inference.averaging.volumes.search import best, search, search_rounds, searched_near

SHIFT = 0.12  # of the side: how far objects may be from the centre, where nothing is said
COARSE, MIDDLE, NEAR = 8, 11, 16  # blocks a side, about
FEW, MANY = 2304, 4608  # rotations: 19 and 15 degrees apart
STEP = 3 / 32  # of the side: between the first shifts
STARTS = 6  # single volumes that averages begin as
GRID, FIRST, NEXT = 2, 2, 6  # rounds of each on the grid and between it, and of the best, at most
WIDE = 0.083  # of the smoothing of a first template, in sides
CANDIDATES = 8
CLASSES = 6  # tried at most
LAST, STEPS = 2, 3  # rounds on single voxels, and steps of each


def align_volumes(
    volumes: np.ndarray,
    *,
    seed: int = 0,
    max_shift: float | None = None,
    num_classes: int | None = None,
    most_classes: int = CLASSES,
) -> ClassAlignment:
    """Poses and classes of volumes of one kind of object, each in a pose of its own.

    Args:
      volumes: `[N, D, H, W]`, values of any scale, NaN where nothing was observed.
      max_shift: voxels that objects may be off the centre; by default an eighth of the side.
      num_classes: of averages; by default as many as pay for themselves, up to `most_classes`.

    Raises:
      InputError: says what was wanted.
      NumericalError: a likelihood that is not finite.
    """
    volumes = np.asarray(volumes)
    require_arguments(len(volumes), max_shift=max_shift, num_classes=num_classes, unit="voxels")
    rng = np.random.default_rng(seed)
    prepared = ready(volumes)
    side = prepared.volumes.values.shape[1]
    reach = SHIFT * side if max_shift is None else float(max_shift)
    counts = range(num_classes, num_classes + 1) if num_classes else range(1, most_classes + 1)
    model, moved = _begun(prepared.volumes, reach, rng)
    grid, data = search(moved, middle(side, reach)), fine(moved, factor(side, NEAR))
    model = at(model, factor(side, COARSE), data.level.factor)
    for _ in range(2):
        near = searched_near(grid, data, model)
        model = maximised(data, model, near)
    model = split(data, model, near, counts, rng)
    near = searched_near(grid, data, model)
    stable = quarter_turns(moved, near, model, grid.level, factor=data.level.factor)
    model, unsure = maximised(data, model, near), doubt(near)
    found = _finished(moved, model, near, data.level.factor)
    return result(prepared, volumes.shape[1:], *found, unsure, stable)


def factor(side: int, blocks: int) -> int:
    """Voxels along a block where a side has about so many blocks."""
    return max(1, round(side / blocks))


def _begun(volumes: Volumes, reach: float, rng: np.random.Generator) -> tuple[Model, Volumes]:
    """One average at low resolution, and volumes moved back by what it shows of their shifts."""
    side = volumes.values.shape[1]
    step = max(1, round(STEP * side))
    level = Level(side, factor(side, COARSE), FEW, step, reach / step + 0.2 if reach else 0.0)
    data = search(volumes, level)
    fits = []
    for index in rng.permutation(len(volumes.values))[:STARTS]:
        model = _start(volumes, data.grid, int(index), reach)
        model = rounds(data.grid, model, level, number=GRID, rng=rng)
        fits.append(search_rounds(data, model, CANDIDATES, most=FIRST))
    model, _ = max(fits, key=lambda fit: fit[1].log_likelihood)
    model, near = search_rounds(data, model, CANDIDATES, most=NEXT)
    _, shift = best(near, 1)
    return model, recentred(volumes, shift[:, 0, 0])


def middle(side: int, reach: float) -> Level:
    """The level on which all rotations are searched again once shifts are known roughly."""
    step = max(1, round(STEP * side / 2))
    return Level(side, factor(side, MIDDLE), MANY, step, 1.0 if reach else 0.0)


def _start(volumes: Volumes, data: Held, index: int, reach: float) -> Model:
    """One volume, smoothed; all the variance there is counts as noise as yet."""
    values, seen = volumes.values[index], volumes.observed[index]
    wide = WIDE * len(values)
    smooth = ndimage.gaussian_filter(values, wide)
    smooth = smooth / np.maximum(ndimage.gaussian_filter(seen, wide), 0.1)
    common = Common(
        jnp.float32(data.energy / data.count), jnp.float32(0.01), jnp.float32(max(reach / 2, 0.5))
    )
    none = np.ones((1, len(values) // 2 + 1))
    return Model((ball(len(values)) * smooth)[None], none, np.ones(1, np.float32), common)


def _finished(
    volumes: Volumes, model: Model, near: Near, factor: int
) -> tuple[Model, Near, np.ndarray]:
    """Rounds on single voxels from the likeliest pose towards each class."""
    data, model = fine(volumes, 1), at(model, factor, 1)
    for _ in range(LAST):
        poses = near.poses
        rotation, shift = poses.rotation[:, :, :1], poses.shift[:, :, :1]
        model, near = near_round(data, model, rotation, shift, steps=STEPS)
    return model, near, volumes.centres
