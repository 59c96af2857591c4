"""How well --mode fit-align aligns a stack of which nobody knows anything.

    AVAE_DATA=data python -m benchmarks.fit_align --what digits --output runs/digits
    AVAE_DATA=data python -m benchmarks.fit_align --what 3 --output runs/threes
    AVAE_DATA=data python -m benchmarks.fit_align --what chairs --output runs/chairs

Digits (of one class, or all ten) and chairs are turned by known angles, by scipy, and aligned
through the command line, which trains on them first. The model chooses the canonical poses:
of each class the mean pose is taken off, estimated on the other half of its examples.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from avae_jax.data.sources.idx import read_idx
from avae_jax.evaluation.pose_metrics import label_means, pose_errors, resultant_length
from benchmarks import commands

WRONG = 20.0  # degrees
SHRUNK = 0.74  # chairs fill their cube: what is turned would leave it


def main() -> None:
    """Makes the stack, fits and aligns it, prints the errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--what", required=True, help="digits, one of 0 to 9, or chairs")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--examples", type=commands.at_least(1), default=3000, help="at most")
    flags, overrides = parser.parse_known_args()
    data = Path(os.environ["AVAE_DATA"])
    if flags.what == "chairs":
        stack, labels, applied = chairs(data / "modelnet10" / "chair_32.npz", flags.examples)
    else:
        one = None if flags.what == "digits" else int(flags.what)
        stack, labels, applied = digits(data / "mnist", flags.examples, one)
    flags.output.mkdir(parents=True, exist_ok=True)
    np.save(flags.output / "turned.npy", stack)
    called = [sys.executable, "-m", "avae_jax.main", "--mode", "fit-align", *overrides]
    places = ["--input", str(flags.output / "turned.npy"), "--output", str(flags.output / "out")]
    began = time.perf_counter()
    subprocess.run([*called, *places], check=True)
    print(f"{flags.what}, {stack.shape}: {time.perf_counter() - began:.0f} s")
    found, doubtful = poses(flags.output / "out" / "poses.csv", applied.shape[-1] - 1)
    show(found @ applied, labels, doubtful)


def digits(folder: Path, count: int, one: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Digits `uint8 [n, 40, 40]` turned about their centre, their labels, the poses applied."""
    images = read_idx(folder / "train-images-idx3-ubyte.gz")
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz")
    chosen = np.flatnonzero((labels == one) | (one is None))[:count]
    angles = np.random.default_rng(0).uniform(-180, 180, len(chosen))
    wide = np.pad(images[chosen], ((0, 0), (6, 6), (6, 6)))
    turned = in_plane(angles)
    return moved(wide, turned), labels[chosen], affine(turned)


def chairs(file: Path, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chairs `uint8 [n, 32, 32, 32]`, shrunk and turned by random rotations."""
    with np.load(file) as held:
        volumes = held["voxels"][:count] * np.uint8(255)
    volumes = volumes[volumes.reshape(len(volumes), -1).max(1) > 0]
    turned = Rotation.random(len(volumes), rng=np.random.default_rng(0)).as_matrix()
    stack = moved(volumes, turned, scale=SHRUNK)
    return stack, np.zeros(len(stack), int), affine(turned)


def moved(stack: np.ndarray, turned: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    """Examples turned by matrices `[n, d, d]` about their centre, and shrunk."""
    middle = (np.array(stack.shape[1:]) - 1) / 2
    made = np.empty_like(stack)
    for image, matrix, target in zip(stack, turned, made, strict=True):
        pull = matrix.T / scale
        offset = middle - pull @ middle
        values = ndimage.affine_transform(image.astype(float), pull, offset=offset, order=1)
        target[...] = np.rint(np.clip(values, 0, 255))
    return made


def in_plane(angles: np.ndarray) -> np.ndarray:
    """Rotations `[n, 2, 2]` by degrees from the first axis towards the second, as `np.rot90`."""
    cos, sin = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    return np.moveaxis(np.array([[cos, -sin], [sin, cos]]), -1, 0)


def affine(turned: np.ndarray) -> np.ndarray:
    """Poses `[n, d + 1, d + 1]` of rotations."""
    d = turned.shape[-1]
    made = np.tile(np.eye(d + 1), (len(turned), 1, 1))
    made[:, :d, :d] = turned
    return made


def poses(table: Path, d: int) -> tuple[np.ndarray, np.ndarray]:
    """What a table says: rotations that align, as poses, and which are doubtful."""
    with table.open(newline="") as file:
        lines = list(csv.DictReader(file))
    if d == 2:
        turned = in_plane(np.array([float(line["align_rotation_deg"]) for line in lines]))
    else:
        parts = [[float(line[f"align_quaternion_{name}"]) for name in "xyzw"] for line in lines]
        # On points x, y, z, while an array has z, y, x.
        turned = Rotation.from_quat(parts).as_matrix()[:, ::-1, ::-1]
    return affine(turned), np.array([line["doubtful"] == "true" for line in lines])


def show(errors_of: np.ndarray, labels: np.ndarray, doubtful: np.ndarray) -> None:
    """Prints errors of all, of those not doubtful, and of every label."""
    error = pose_errors(errors_of, label_means(errors_of, labels)).degrees
    print(f"all: {said(error)}, resultant length {resultant_length(errors_of, labels):.2f}")
    print(f"doubtful {doubtful.mean():.1%}; of the others: {said(error[~doubtful])}")
    for label in np.unique(labels):
        print(f"  {label}: {said(error[labels == label])}")


def said(error: np.ndarray) -> str:
    """Errors in degrees, in words."""
    return (
        f"{len(error)}, median error {np.median(error):.2f} degrees, "
        f"{(error <= WRONG).mean():.1%} within {WRONG:g}"
    )


if __name__ == "__main__":
    commands.run(main)
