"""Objects that the benchmarks measure on: digits and chairs, upright or turned by known poses.

MNIST lies in `mnist/` as IDX files, the chairs of ModelNet10 in `modelnet10/chair_32.npz`.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from avae_jax import data
from avae_jax.config.options import DataOptions
from avae_jax.data.formats.idx import read_idx

SEED = 0
SHRUNK = 0.74  # Chairs fill their cube: what is turned would leave it.
MARGIN = 6  # Pixels around a digit, which make 40 x 40.


class Objects(NamedTuple):
    """Upright objects `[n, *S, C]`, to train and to test on, and the value outside."""

    train: np.ndarray
    test: np.ndarray
    fill: np.ndarray


class Turned(NamedTuple):
    """Objects turned about their centre.

    Attributes:
      stack: `uint8 [n, *S]`.
      labels: `int [n]`.
      applied: the poses that were applied, `[n, d + 1, d + 1]`.
    """

    stack: np.ndarray
    labels: np.ndarray
    applied: np.ndarray


def digits(folder: Path, *, test: int, size: int = 40) -> Objects:
    """MNIST of `folder/mnist`, upright, padded to `size x size`."""
    return _load(DataOptions(source=f"idx:{folder / 'mnist'}", size=size), test)


def volumes(file: Path, *, test: int, side: int = 32) -> Objects:
    """Upright volumes of an npz file of 32^3 voxels, shrunk by 1.35, at `side` voxels a side."""
    how = {"size": side if side != 32 else 0, "scale": SHRUNK * side / 32, "test_fraction": 0.25}
    return _load(DataOptions(source=f"npz:{file}", **how), test)


def chairs(folder: Path, *, side: int) -> np.ndarray:
    """Held-out chairs `[n, side, side, side, 1]`, upright, shrunk by 1.35."""
    source = f"npz:{folder / 'modelnet10' / 'chair_32.npz'}"
    options = DataOptions(source=source, size=side, scale=SHRUNK * side / 32)
    x = data.load(options, seed=SEED).test
    return x[x.reshape(len(x), -1).max(1) > 0]


def turned_digits(folder: Path, count: int, *, split: str, label: int | None = None) -> Turned:
    """The first MNIST digits, padded to 40 x 40 and turned by random angles.

    Args:
      split: `train` or `t10k`, as the files are named.
      label: the only class to take.
    """
    images = read_idx(folder / "mnist" / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(folder / "mnist" / f"{split}-labels-idx1-ubyte.gz")
    chosen = np.flatnonzero((labels == label) | (label is None))[:count]
    rotations = in_plane(np.random.default_rng(SEED).uniform(-180, 180, len(chosen)))
    wide = np.pad(images[chosen], ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
    return Turned(turned(wide, rotations), labels[chosen], affine(rotations))


def turned_chairs(folder: Path, count: int) -> Turned:
    """The first chairs, 32^3 voxels, shrunk by 1.35 and turned by random rotations."""
    with np.load(folder / "modelnet10" / "chair_32.npz") as held:
        full = held["voxels"][:count] * np.uint8(255)
    full = full[full.reshape(len(full), -1).max(1) > 0]
    rotations = Rotation.random(len(full), rng=np.random.default_rng(SEED)).as_matrix()
    stack = turned(full, rotations, scale=SHRUNK)
    return Turned(stack, np.zeros(len(stack), int), affine(rotations))


def turned(stack: np.ndarray, rotations: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    """Examples `[n, *S]` turned by matrices `[n, d, d]` about their centre, and scaled."""
    middle = (np.array(stack.shape[1:]) - 1) / 2
    made = np.empty_like(stack)
    for image, matrix, target in zip(stack, rotations, made, strict=True):
        pull = matrix.T / scale
        offset = middle - pull @ middle
        values = ndimage.affine_transform(image.astype(float), pull, offset=offset, order=1)
        target[...] = np.rint(np.clip(values, 0, 255))
    return made


def in_plane(angles: np.ndarray) -> np.ndarray:
    """Rotations `[n, 2, 2]` by degrees from the first axis towards the second, as `np.rot90`."""
    cos, sin = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    return np.moveaxis(np.array([[cos, -sin], [sin, cos]]), -1, 0)


def affine(rotations: np.ndarray) -> np.ndarray:
    """Poses `[n, d + 1, d + 1]` of rotations `[n, d, d]`."""
    d = rotations.shape[-1]
    made = np.tile(np.eye(d + 1), (len(rotations), 1, 1))
    made[:, :d, :d] = rotations
    return made


def _load(options: DataOptions, count: int) -> Objects:
    dataset = data.load(options, seed=SEED)
    known = {example.tobytes() for example in dataset.train}
    # Held out is what training has not met: no copies, nothing empty.
    new = [x for x in dataset.test if x.tobytes() not in known and x.max() > x.min()]
    return Objects(dataset.train, np.stack(new[:count]), dataset.fill)
