"""`solids`: occupancy volumes of furniture, generated."""

from typing import NamedTuple

import numpy as np

from avae_jax.data.sources.base import Examples, Source
from avae_jax.data.sources.furniture import CLASSES
from avae_jax.data.sources.solid_parts import Part

COUNT = 1000
SIDE = 16
FINE = 4  # subdivisions of a voxel along each axis: occupancy in steps of 1/64
MARGIN = 1.0  # voxels between an object and the inscribed ball
SIZES = (0.92, 1.0)  # size of an object as a share of the largest that fits
SEED = 0  # the data set is always the same; `seed` of the run only splits it


class Solids(NamedTuple):
    """Volumes, labels and the names of the labels."""

    volumes: np.ndarray  # [N, side, side, side, 1] float32 occupancy in [0, 1]
    labels: np.ndarray  # [N] int32
    names: tuple[str, ...]


def read_solids() -> Source:
    """1,000 solids of 16 x 16 x 16 voxels in ten classes, 100 of each."""
    solids = make_solids(COUNT, side=SIDE, seed=SEED)
    examples = Examples(COUNT, lambda indices: (solids.volumes[indices], solids.labels[indices]))
    note = "Generated solids, occupancy in [0, 1], all in one upright pose."
    return Source(examples, None, solids.names, (note,))


def make_solids(count: int, *, side: int, seed: int) -> Solids:
    """Random furniture of alternating classes, all in one pose.

    Axis 0 runs to the right, axis 1 to the back and axis 2 upwards. Objects are centred
    and lie within the ball inscribed in the cube. No class is symmetric under a rotation,
    except approximately, by chance.

    Args:
        count: N.
        side: voxels along each axis.
        seed: of all proportions.
    """
    rng = np.random.default_rng(seed)
    builders = list(CLASSES.values())
    labels = np.arange(count, dtype=np.int32) % len(builders)
    volumes = np.empty((count, side, side, side, 1), dtype=np.float32)
    for volume, label in zip(volumes, labels, strict=True):
        parts = builders[label](rng)
        volume[..., 0] = rasterise(parts, side=side, size=rng.uniform(*SIZES))
    return Solids(volumes, labels, tuple(CLASSES))


def rasterise(parts: list[Part], *, side: int, size: float) -> np.ndarray:
    """The share of every voxel that lies inside any of `parts`.

    Args:
        parts: in units of their own.
        side: voxels along each axis.
        size: in (0, 1]; at 1 the object touches the ball `MARGIN` voxels within the cube.

    Returns:
        `[side, side, side]` float32 in [0, 1].
    """
    points = np.concatenate([part.outline() for part in parts])
    centre = (points.min(axis=0) + points.max(axis=0)) / 2.0
    radius = np.linalg.norm(points - centre, axis=1).max()
    unit = radius / (size * (side / 2.0 - MARGIN))  # of the parts, per voxel
    # Centres of the subdivisions, from the centre of the cube.
    ticks = ((np.arange(side * FINE) + 0.5) / FINE - side / 2.0) * unit
    axes = tuple(ticks + middle for middle in centre)
    inside = np.zeros((side * FINE,) * 3, dtype=bool)
    for part in parts:
        part.paint(inside, axes)
    blocks = inside.reshape(side, FINE, side, FINE, side, FINE)
    return blocks.mean(axis=(1, 3, 5), dtype=np.float32)
