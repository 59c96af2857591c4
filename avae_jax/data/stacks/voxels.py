"""Meshes made into volumes: the share of every voxel that lies within the surface."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from avae_jax.data.stacks.extras import library
from avae_jax.errors import InputError

FINE = 2  # subdivisions of a voxel along each axis: shares in steps of 1/8
MARGIN = 1.0  # voxels between an object and the inscribed ball
EDGE = 0.5  # longest edge, in subdivisions, of the pieces whose corners mark the surface
# Pieces made together, and of one mesh at most: many large faces, one on the other.
PIECES, MOST_PIECES = 2**20, 2**26
ROUNDS = 24  # of halving edges, more than the largest cube takes


class Place(NamedTuple):
    """Where a mesh lies in its cube: `scale * (vertex - centre)` voxels from the middle.

    Attributes:
      centre: `[3]` in x, y, z, the mean of the surface.
      scale: voxels in one unit of the mesh.
    """

    centre: np.ndarray
    scale: float


def place(triangles: np.ndarray, *, side: int, name: str) -> Place:
    """The largest that a mesh can be in a cube of `side` voxels however it is turned.

    A turned mesh has the same size and the turned centre, so that turning is all that is
    left to be found.

    Args:
      triangles: `[m, 3, 3]`.
      name: of the mesh, for the sentence.

    Raises:
      InputError: no area, or an extent that is no number.
    """
    middle = triangles.reshape(-1, 3).mean(0)
    corners = triangles - middle
    extent = np.abs(corners).max()
    if not 0 < extent < np.inf:
        raise InputError(f"{name}: extends over {extent:g}; a surface of finite size is wanted")
    corners = corners / extent
    area = np.linalg.norm(_crosses(corners), axis=1)
    if not area.sum() > 0:
        raise InputError(f"{name}: faces without area; a surface is wanted")
    inner = (area[:, None] * corners.mean(1)).sum(0) / area.sum()
    radius = np.linalg.norm(corners - inner, axis=2).max() * extent
    return Place(middle + inner * extent, (side / 2 - MARGIN) / radius)


def occupancy(triangles: np.ndarray, *, side: int, name: str) -> np.ndarray:
    """The volume `[side, side, side]` uint8 of a mesh, axes z, y, x, 255 inside.

    What the surface closes in is inside; of a surface with holes it is the surface alone.

    Raises:
      InputError: as `place`, and where all faces together have too large an area.
    """
    remesh = library("trimesh", name, extra="mesh").remesh
    put = place(triangles, side=side, name=name)
    corners = (triangles - put.centre) * (put.scale * FINE) + side * FINE / 2
    marked = np.zeros((side * FINE,) * 3, dtype=bool)
    for part in _parts(corners, name=name):
        faces = np.arange(3 * len(part)).reshape(-1, 3)
        points, _ = remesh.subdivide_to_size(part.reshape(-1, 3), faces, EDGE, max_iter=ROUNDS)
        x, y, z = np.clip(np.floor(points), 0, side * FINE - 1).astype(int).T
        marked[z, y, x] = True
    solid = ndimage.binary_fill_holes(marked)
    shares = solid.reshape(side, FINE, side, FINE, side, FINE).mean(axis=(1, 3, 5))
    return np.rint(255 * shares).astype(np.uint8)


def _parts(corners: np.ndarray, *, name: str) -> list[np.ndarray]:
    """Triangles in parts that make about as many pieces each."""
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    # An edge is halved until it is short enough; a thin triangle costs as many as its length.
    area = np.linalg.norm(_crosses(corners), axis=1)
    pieces = np.cumsum(1 + 2 * longest / EDGE + 2 * area / EDGE**2)
    if pieces[-1] > MOST_PIECES:
        raise InputError(
            f"{name}: a surface of {pieces[-1]:.2g} pieces of half a voxel; at most "
            f"{MOST_PIECES:.2g} are wanted"
        )
    return np.split(corners, np.flatnonzero(np.diff(pieces // PIECES)) + 1)


def _crosses(corners: np.ndarray) -> np.ndarray:
    """Twice the area of triangles `[m, 3, 3]`, along their normals."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
