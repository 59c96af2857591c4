"""Noisy stacks of ModelNet10 chairs, each another one, turned and shifted by known poses."""

import os
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from benchmarks.stacks.solid_particles import FILLED, FINE, VolumeCase, VolumeStack, drawn, spoilt

FILE = "modelnet10/chair_32.npz"


def chairs(case: VolumeCase, *, count: int, seed: int) -> VolumeStack:
    """Chairs of the file in random poses; of each the farthest point stays within the frame."""
    with np.load(Path(os.environ["AVAE_DATA"]) / FILE) as file:
        held = file["voxels"]
    held = held[held.any((1, 2, 3))]
    rng = np.random.default_rng(seed)
    chosen = held[np.sort(rng.choice(len(held), count, replace=False))]
    rotations = Rotation.random(count, random_state=rng).as_matrix()
    shifts = rng.uniform(-case.shift, case.shift, (count, 3))
    clean = np.stack(
        [
            drawn(_fine(one, case.size), turn, shift)
            for one, turn, shift in zip(chosen, rotations, shifts, strict=True)
        ]
    )
    made, unit = spoilt(clean, case, rng)
    return VolumeStack(case, made, rotations, shifts, np.zeros(count, int), clean[:1] / unit)


def _fine(chair: np.ndarray, size: int) -> np.ndarray:
    """A chair on the fine grid of volumes of `size`, about the centre of its box."""
    chair = chair.astype(np.float32)
    points = np.argwhere(chair > 0)
    centre = (points.min(0) + points.max(0)) / 2
    radius = np.linalg.norm(points - centre, axis=1).max()
    step = radius / (FILLED * (size / 2 - 1)) / FINE
    fine = size * FINE
    offset = centre - step * (fine - 1) / 2
    return ndimage.affine_transform(chair, np.full(3, step), offset, (fine,) * 3, order=1)
