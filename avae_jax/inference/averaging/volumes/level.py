"""Volumes at one resolution: voxels averaged in blocks, for every shift that is tried."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import numpy as np

from avae_jax.transform.sampling import even_rotations, quaternion_matrix

REACH = 0.5  # of the side: radius of the ball that is compared


class Volumes(NamedTuple):
    """Volumes in cubes, backgrounds at 0.

    Attributes:
      values: `[N, n, n, n]` float32, 0 where nothing was observed.
      observed: likewise, 1 or 0.
      centres: voxels that they were moved back by, `[N, 3]`.
    """

    values: np.ndarray
    observed: np.ndarray
    centres: np.ndarray


class Blocks(NamedTuple):
    """Sums over the observed voxels of blocks, divided by all voxels of a block.

    Attributes:
      sums: `[N, S, P]`, S the shifts.
      weights: the share that was observed, likewise.
      centres: `[N, 3]`.
    """

    sums: np.ndarray
    weights: np.ndarray
    centres: np.ndarray


@dataclasses.dataclass(frozen=True)
class Level:
    """A resolution and a sampling of poses; programs are compiled once for each.

    Attributes:
      side: of the cube, voxels.
      factor: voxels along each side of a block.
      turns: rotations, evenly over SO(3).
      step: whole voxels between shifts.
      steps: how many of them, at most, from none.
    """

    side: int
    factor: int
    turns: int = 1
    step: int = 1
    steps: float = 0.0

    @property
    def blocks(self) -> int:
        """Blocks along each side; the outer ones may reach beyond the cube."""
        return -(-self.side // self.factor)

    @property
    def lead(self) -> int:
        """Voxels before the cube that belong to its first block."""
        return (self.blocks * self.factor - self.side) // 2

    @functools.cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        middle = (self.factor - 1) / 2 - self.lead - (self.side - 1) / 2
        axis = np.arange(self.blocks) * self.factor + middle
        grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        kept = np.flatnonzero((grid**2).sum(1) <= (REACH * self.side) ** 2)
        return kept, grid[kept].astype(np.float32)

    @property
    def kept(self) -> np.ndarray:
        """Blocks within the ball, `[P]`."""
        return self._places[0]

    @property
    def points(self) -> np.ndarray:
        """Their centres in voxels from that of the cube, `[P, 3]`."""
        return self._places[1]

    @functools.cached_property
    def shifts(self) -> np.ndarray:
        """Voxels `[S, 3]`: a cubic grid within a ball."""
        reach = np.arange(-int(self.steps), int(self.steps) + 1)
        grid = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), -1).reshape(-1, 3)
        inside = (grid**2).sum(1) <= self.steps**2 + 1e-6
        return (grid[inside] * self.step).astype(np.float32)

    @functools.cached_property
    def rotations(self) -> np.ndarray:
        """`[R, 3, 3]` on array axes."""
        return rotations_of(even_rotations(self.turns))


def rotations_of(quaternions: np.ndarray) -> np.ndarray:
    """Rotation matrices `[R, 3, 3]` of unit quaternions `[R, 4]`, scalar part first."""
    return np.asarray(jax.vmap(quaternion_matrix)(np.float32(quaternions)))


def pooled(volumes: Volumes, level: Level) -> Blocks:
    """Volumes as blocks, moved back by each of the level's shifts."""
    shifts = level.shifts.astype(int)
    room = int(np.abs(shifts).max(initial=0)) + level.factor
    made = np.empty((2, len(volumes.values), len(shifts), len(level.kept)), np.float32)
    for out, values in zip(made, (volumes.values, volumes.observed), strict=True):
        wide = np.pad(values, ((0, 0), *[(room, room)] * 3))
        for index, shift in enumerate(shifts):
            out[:, index] = _averaged(wide, shift + room - level.lead, level)
    return Blocks(made[0], made[1], volumes.centres.astype(np.float32))


def _averaged(wide: np.ndarray, begin: np.ndarray, level: Level) -> np.ndarray:
    long, f, m = level.blocks * level.factor, level.factor, level.blocks
    cut = wide[(slice(None), *(slice(at, at + long) for at in begin))]
    # One axis after the other: sums over short last axes are slow.
    for axis in (1, 2, 3):
        shape = (*cut.shape[:axis], m, f, *cut.shape[axis + 1 :])
        cut = cut.reshape(shape).sum(axis + 1)
    return cut.reshape(len(wide), -1)[:, level.kept] / f**3


def recentred(volumes: Volumes, shifts: np.ndarray) -> Volumes:
    """Volumes moved back by whole voxels `[N, 3]` more; what comes into view is unobserved."""
    values, observed = np.zeros_like(volumes.values), np.zeros_like(volumes.observed)
    side = values.shape[1]
    whole = np.rint(shifts).astype(int)
    for index, shift in enumerate(whole):
        source = tuple(slice(max(0, s), side + min(0, s)) for s in shift)
        target = tuple(slice(max(0, -s), side + min(0, -s)) for s in shift)
        values[index][target] = volumes.values[index][source]
        observed[index][target] = volumes.observed[index][source]
    return Volumes(values, observed, volumes.centres + whole)
