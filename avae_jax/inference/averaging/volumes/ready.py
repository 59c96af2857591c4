"""What is done to volumes before they are compared: backgrounds, scale, cubes."""

import dataclasses

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.inference.averaging.volumes.level import Volumes

LEAST_SIDE = 8
LEAST_OUTSIDE = 50  # observed voxels beyond the ball that tell the background


@dataclasses.dataclass(frozen=True)
class Ready:
    """Volumes made comparable, and what was done.

    Attributes:
      before: voxels put before each axis to fill the cube, `[3]`.
      scale: what values were divided by.
    """

    volumes: Volumes
    before: tuple[int, ...]
    scale: float


def ready(volumes: np.ndarray) -> Ready:
    """Volumes `[N, D, H, W]` with NaN where nothing was observed, in cubes, backgrounds at 0.

    The background of each is its median beyond the largest ball, where there is enough of it.

    Raises:
      InputError: says what was wanted.
    """
    if volumes.ndim != 4 or len(volumes) < 2 or min(volumes.shape[1:]) < LEAST_SIDE:
        raise InputError(
            f"volumes {list(volumes.shape)}, wanted [N, D, H, W] of {LEAST_SIDE} voxels or more"
        )
    seen = np.isfinite(volumes)
    if np.isinf(volumes).any() or not seen.any((1, 2, 3)).all():
        raise InputError("volumes hold infinity, or nothing that was observed")
    outside = _outside(volumes.shape[1:])
    base = np.array([_background(volume, outside) for volume in volumes])
    made = np.where(seen, volumes - base[:, None, None, None], 0).astype(np.float32)
    rest = made[:, outside][seen[:, outside]]
    scale = float(rest.std() if rest.size else 0.0) or float(made.std())
    if scale == 0:
        raise InputError("volumes hold one value everywhere, wanted some that differ")
    side = max(volumes.shape[1:])
    before = tuple((side - n) // 2 for n in volumes.shape[1:])
    room = [(0, 0)] + [(b, side - n - b) for b, n in zip(before, volumes.shape[1:], strict=True)]
    whole = np.pad(made / scale, room), np.pad(seen.astype(np.float32), room)
    return Ready(Volumes(*whole, np.zeros((len(volumes), 3))), before, scale)


def _outside(shape: tuple[int, ...]) -> np.ndarray:
    axes = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    return np.sqrt(sum(axis**2 for axis in axes)) > max(shape) / 2


def _background(volume: np.ndarray, outside: np.ndarray) -> float:
    rest = volume[outside]
    rest = rest[np.isfinite(rest)]
    return float(np.median(rest) if rest.size >= LEAST_OUTSIDE else np.nanmedian(volume))
