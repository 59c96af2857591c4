"""Stacks of noisy volumes of which the truth is known: solids with a block in one of K places.

Occupancy is painted on a grid four times as fine, turned and shifted there, and averaged to voxels,
so that the volumes are drawn at their pose and not interpolated from drawn ones.
"""

import dataclasses

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from avae_jax.data.sources.furniture import CLASSES
from avae_jax.data.sources.solid_parts import Box, Lathe, Part

FINE, HALF = 4, 2  # subdivisions of a voxel: painted, and read at a pose
FILLED = 0.86  # of the inscribed ball's radius: room for shifts
SUPPORT = 0.05
BLOCK = 0.16  # half the side of the block, in radii of the object


def mug(rng: np.random.Generator) -> list[Part]:
    """A round body with a handle on the right."""
    h, wide, out = rng.uniform(0.8, 1.0), rng.uniform(0.34, 0.4), rng.uniform(0.16, 0.22)
    low, high, end = 0.25 * h, 0.7 * h, wide + out
    return [
        Lathe((0, 0), (0.0, h), (wide, wide)),
        Box((end - 0.09, -0.05, low), (end, 0.05, high + 0.09)),
        Box((0, -0.05, low), (end, 0.05, low + 0.09)),
        Box((0, -0.05, high), (end, 0.05, high + 0.09)),
    ]


def bottle(rng: np.random.Generator) -> list[Part]:
    """A round body with a neck, and a raised label on the right."""
    wide, neck, label = rng.uniform(0.2, 0.26), rng.uniform(0.07, 0.09), rng.uniform(0.1, 0.14)
    radii = (wide, wide, neck, neck)
    return [
        Lathe((0, 0), (0.0, 0.55, 0.75, 1.0), radii),
        Box((0, -label, 0.12), (wide + 0.08, label, 0.45)),
    ]


def rocket(rng: np.random.Generator) -> list[Part]:
    """A round body that ends in a cone, and one fin on the right."""
    wide, out, high = rng.uniform(0.13, 0.18), rng.uniform(0.2, 0.26), rng.uniform(0.25, 0.35)
    return [
        Lathe((0, 0), (0.0, 0.65, 0.9, 1.1), (wide, wide, 0.5 * wide, 0.0)),
        Box((0, -0.04, 0), (wide + out, 0.04, high)),
    ]


# Nearly of revolution: a small part alone tells the azimuth.
SHAPES = CLASSES | {build.__name__: build for build in (mug, bottle, rocket)}


@dataclasses.dataclass(frozen=True)
class VolumeCase:
    """One stack: what is in it and what was done to it.

    Attributes:
      snr: variance of the signal over that of the noise, within the object.
      conformations: 1 has no block.
      shift: voxels, uniform on each axis.
      hidden: share of voxels that were not observed, scattered (NaN).
      box: share of each side, at either end of one axis, that was not observed (NaN).
    """

    name: str
    shape: str
    snr: float
    conformations: int = 1
    size: int = 32
    shift: float = 2.0
    hidden: float = 0.0
    box: float = 0.0


@dataclasses.dataclass(frozen=True)
class VolumeStack:
    """Volumes `[N, n, n, n]` and the truth.

    Attributes:
      rotations: of the objects, `[N, 3, 3]` on array axes.
      shifts: of the objects, voxels `[N, 3]`, acting after the rotation.
      classes: `[N]`.
      clean: `[K, n, n, n]`, the objects upright, in the volumes' units above the background.
    """

    case: VolumeCase
    volumes: np.ndarray
    rotations: np.ndarray
    shifts: np.ndarray
    classes: np.ndarray
    clean: np.ndarray


def solids(case: VolumeCase, *, count: int, seed: int) -> VolumeStack:
    """A stack of one object; its proportions depend on the seed, as all else."""
    rng = np.random.default_rng(seed)
    fine = painted(case, rng)
    classes = rng.integers(0, len(fine), count)
    rotations = Rotation.random(count, random_state=rng).as_matrix()
    shifts = rng.uniform(-case.shift, case.shift, (count, 3))
    clean = np.stack(
        [drawn(fine[k], r, t) for k, r, t in zip(classes, rotations, shifts, strict=True)]
    )
    upright = np.stack([drawn(one, np.eye(3), np.zeros(3)) for one in fine])
    made, unit = spoilt(clean, case, rng)
    return VolumeStack(case, made, rotations, shifts, classes, upright / unit)


def painted(case: VolumeCase, rng: np.random.Generator) -> list[np.ndarray]:
    """The conformations `[m, m, m]`, in one frame on a fine grid."""
    parts: list[Part] = SHAPES[case.shape](rng)
    points = np.concatenate([part.outline() for part in parts])
    centre = (points.min(0) + points.max(0)) / 2
    radius = np.linalg.norm(points - centre, axis=1).max()
    forms = [parts]
    if case.conformations > 1:
        forms = [[*parts, _block(k, centre, points, radius)] for k in range(case.conformations)]
    unit = radius / (FILLED * (case.size / 2 - 1))
    ticks = ((np.arange(case.size * FINE) + 0.5) / FINE - case.size / 2) * unit
    made = []
    for form in forms:
        inside = np.zeros((case.size * FINE,) * 3, bool)
        for part in form:
            part.paint(inside, tuple(ticks + middle for middle in centre))
        made.append(inside.astype(np.float32))
    return made


def _block(k: int, centre: np.ndarray, points: np.ndarray, radius: float) -> Box:
    """A block on the k-th of three sides of an object: right, before it or below it."""
    at = centre.copy()
    at[k] = points[:, k].max() if k == 0 else points[:, k].min()
    at = centre + (at - centre) * min(1, (1 - BLOCK) * radius / max(abs(at - centre).max(), 1e-9))
    half = BLOCK * radius
    return Box(tuple(at - half), tuple(at + half))


def drawn(fine: np.ndarray, rotation: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A volume `[n, n, n]` of an object on a fine grid, rotated and then shifted by voxels."""
    m = len(fine) // FINE * HALF
    step, middle = FINE / HALF, (len(fine) - 1) / 2
    # The object's point of a point v of the volume: R^-1 (v - shift).
    matrix = rotation.T * step
    offset = middle - matrix @ np.full(3, (m - 1) / 2) - rotation.T @ (shift * FINE)
    read = ndimage.affine_transform(fine, matrix, offset, (m,) * 3, order=1)
    n = m // HALF
    return read.reshape(n, HALF, n, HALF, n, HALF).mean((1, 3, 5))


def spoilt(
    clean: np.ndarray, case: VolumeCase, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Clean volumes with noise, standardised by a unit, and NaN where nothing was observed."""
    sigma = np.sqrt(np.var(clean[clean > SUPPORT]) / case.snr)
    made = clean + sigma * rng.standard_normal(clean.shape, dtype=np.float32)
    unit = float(made.std())
    made = ((made - made.mean()) / unit).astype(np.float32)
    if case.hidden:
        made[rng.random(made.shape) < case.hidden] = np.nan
    if case.box:
        cut = round(case.box * case.size)
        for volume, axis, end in zip(
            made, rng.integers(0, 3, len(made)), rng.integers(0, 2, len(made)), strict=True
        ):
            part = [slice(None)] * 3
            part[axis] = slice(0, cut) if end else slice(case.size - cut, None)
            volume[tuple(part)] = np.nan
    return made, unit
