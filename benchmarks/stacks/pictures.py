"""Noisy stacks of MNIST digits, turned and shifted by known poses."""

import os
from pathlib import Path

import numpy as np
from scipy import ndimage

from avae_jax.data.formats.idx import read_idx
from benchmarks.stacks.particles import Case, Stack, spoilt


def pictures(case: Case, *, count: int, seed: int) -> Stack:
    """Digits of one class (`mnist:3`) or all (`mnist:all`), within a frame of `case.size`."""
    folder = Path(os.environ["AVAE_DATA"]) / "mnist"
    images = read_idx(folder / "train-images-idx3-ubyte.gz")
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz")
    wanted = case.shape.removeprefix("mnist:")
    rng = np.random.default_rng(seed)
    held = np.flatnonzero((wanted == "all") | (labels.astype(str) == wanted))
    chosen = rng.choice(held, count, replace=False)
    angles = rng.uniform(-180, 180, count)
    shifts = rng.uniform(-case.shift, case.shift, (count, 2))
    middle = (case.size - 1) / 2
    clean = np.zeros((count, case.size, case.size), np.float32)
    for target, image, angle, shift in zip(clean, images[chosen], angles, shifts, strict=True):
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        pull = np.array([[cos, sin], [-sin, cos]])
        offset = np.array([13.5, 13.5]) - pull @ (middle + shift)
        target[...] = ndimage.affine_transform(image / 255, pull, offset, clean.shape[1:], order=1)
    classes = labels[chosen].astype(int) if wanted == "all" else np.zeros(count, int)
    return Stack(case, spoilt(clean, case, rng), angles, shifts, classes, 1)
