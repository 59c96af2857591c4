"""Folders of meshes: read as volumes, written as meshes.

`FOLDER:48` sets the number of voxels on a side.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.image_files import image_paths
from avae_jax.data.formats.mesh_files import SUFFIXES, read_triangles, write_moved
from avae_jax.data.formats.npy import write_array
from avae_jax.data.formats.stack import Stack
from avae_jax.data.formats.voxels import occupancy, place

SIDE, LEAST, MOST = 32, 8, 256


@contextlib.contextmanager
def open_meshes(path: Path, choice: str = "") -> Iterator[Stack]:
    """The meshes of a folder and the folders in it, or of one file, as volumes.

    Args:
      choice: voxels on a side.

    Raises:
      InputError: a number of voxels out of range.
    """
    side = _side(path, choice)
    paths = [path] if path.is_file() else image_paths(path, suffixes=SUFFIXES)
    names = [one.relative_to(path.parent if path.is_file() else path) for one in paths]
    shape, kind = (len(paths), side, side, side), np.dtype(np.uint8)

    def read(start: int, stop: int) -> np.ndarray:
        volumes = [
            occupancy(read_triangles(one), side=side, name=str(one)) for one in paths[start:stop]
        ]
        return np.stack(volumes)

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        write_array(target, parts, shape, kind)

    def move(target: Path, poses: Iterable[np.ndarray]) -> None:
        for one, name, pose in zip(paths, names, poses, strict=True):
            made = target if path.is_file() else target / name
            made.parent.mkdir(parents=True, exist_ok=True)
            _move(one, made, pose, side=side)

    keys = tuple(name.as_posix() for name in names)
    yield Stack(path, shape, kind, read, write, choice=choice, keys=keys, move=move)


def _side(path: Path, choice: str) -> int:
    if not choice:
        return SIDE
    side = int(choice) if choice.isascii() and choice.isdigit() and len(choice) < 6 else 0
    if not LEAST <= side <= MOST:
        raise InputError(
            f"{path}:{choice}: the number of voxels on a side is wanted after the colon, "
            f"{LEAST} to {MOST}"
        )
    return side


def _move(source: Path, target: Path, pose: np.ndarray, *, side: int) -> None:
    """Moves a mesh by the pose `[4, 4]` of its volume, about its own centre."""
    put = place(read_triangles(source), side=side, name=str(source))
    # Points of a mesh are x, y, z, axes of a volume z, y, x; the unit of a pose is half a side.
    linear = pose[:3, :3][::-1, ::-1]
    shift = pose[:3, 3][::-1] * (side / 2 / put.scale)
    write_moved(source, target, linear, put.centre - linear @ put.centre + shift)
