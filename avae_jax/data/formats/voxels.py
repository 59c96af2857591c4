"""Voxelisation of meshes: the share of each voxel inside the surface."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from avae_jax.core.errors import InputError

FINE = 2  # subdivisions of a voxel along each axis: shares in steps of 1/8
MARGIN = 1.0  # voxels between an object and the inscribed ball
GAP = 0.5  # largest distance in subdivisions between the points that mark the surface
# Points marked at once, and the maximum of one mesh, which overlapping large faces exceed.
POINTS, MOST_POINTS = 2**20, 2**27
LEAST_EXTENT, MOST_EXTENT = 1e-100, 1e100  # of a mesh, so that squares can be taken


class Place(NamedTuple):
    """Position of a mesh in its cube: `scale * (vertex - centre)` voxels from the middle.

    Attributes:
      centre: `[3]` in x, y, z, the mean of the surface.
      scale: voxels in one unit of the mesh.
    """

    centre: np.ndarray
    scale: float


def place(triangles: np.ndarray, *, side: int, name: str) -> Place:
    """The largest size of a mesh in a cube of `side` voxels that allows every rotation.

    A rotated mesh has the same size and the rotated centre, so that only the rotation
    remains unknown.

    Args:
      triangles: `[m, 3, 3]`.
      name: of the mesh, for the message.

    Raises:
      InputError: no area, or an extent that is not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # non-finite values are refused below
        middle = triangles.reshape(-1, 3).mean(0)
        corners = triangles - middle
        extent = np.abs(corners).max()
    if not LEAST_EXTENT < extent < MOST_EXTENT:
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

    The enclosed volume and the surface count as inside; a surface with holes encloses nothing.

    Raises:
      InputError: as `place`, and if the total area of the faces is too large.
    """
    put = place(triangles, side=side, name=name)
    corners = (triangles - put.centre) * (put.scale * FINE) + side * FINE / 2
    solid = ndimage.binary_fill_holes(_marked(corners, side * FINE, name=name))
    shares = solid.reshape(side, FINE, side, FINE, side, FINE).mean(axis=(1, 3, 5))
    return np.rint(255 * shares).astype(np.uint8)


def _marked(corners: np.ndarray, fine: int, *, name: str) -> np.ndarray:
    """The subdivisions `[fine, fine, fine]` that the triangles intersect, bool."""
    # From the corner across the shortest edge points go along the two long edges, so that
    # thin triangles cost as many as they are long.
    opposite = np.linalg.norm(np.roll(corners, -1, axis=1) - np.roll(corners, -2, axis=1), axis=2)
    order = (opposite.argmin(1)[:, None] + np.arange(3)) % 3
    corners = np.take_along_axis(corners, order[..., None], axis=1)
    lengths = np.stack([opposite.max(1), opposite.min(1)], axis=1)
    steps = 2 ** np.ceil(np.log2(np.maximum(lengths / GAP, 1))).astype(int)
    count = (steps + 1).prod(1)
    if count.sum() > MOST_POINTS:
        raise InputError(
            f"{name}: a surface of {count.sum():.2g} points; at most {MOST_POINTS:.2g} are wanted"
        )
    marked = np.zeros((fine,) * 3, dtype=bool)
    for pair in np.unique(steps, axis=0):
        some = corners[(steps == pair).all(1)]
        together = max(1, POINTS // int((pair + 1).prod()))
        for start in range(0, len(some), together):
            points = _points(some[start : start + together], *pair)
            x, y, z = np.clip(np.floor(points), 0, fine - 1).astype(int).T
            marked[z, y, x] = True
    return marked


def _points(corners: np.ndarray, along: int, across: int) -> np.ndarray:
    """Points `[n, 3]` of triangles `[m, 3, 3]`, in rows from the first corner to the others."""
    first, second, third = (corners[:, None, None, i] for i in range(3))
    far = second + np.linspace(0, 1, across + 1)[:, None] * (third - second)
    return (first + np.linspace(0, 1, along + 1)[:, None, None] * (far - first)).reshape(-1, 3)


def _crosses(corners: np.ndarray) -> np.ndarray:
    """Twice the area of triangles `[m, 3, 3]`, along their normals."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
