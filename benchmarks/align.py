"""How well turned digits are aligned, and what the flag of doubt is worth.

    AVAE_DATA=data python -m avae_jax.main --config mnist_idx --config.data.pose=as_is \\
        --config.train.search=false --workdir runs/upright
    AVAE_DATA=data python -m benchmarks.align --workdir runs/upright --output runs/turned

Turns the first MNIST test digits by known angles, by scipy, aligns them through the command
line, and compares the poses that the table says. Digits slant: of each class the mean
difference is taken off.
"""

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

from avae_jax.data.sources.idx import read_idx
from benchmarks import commands

MARGINS = (1.0, 3.0, 5.0, 8.0, 12.0)
WRONG = 20.0  # degrees


def main() -> None:
    """Makes the stack, aligns it, prints the errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True, help="of a model trained upright")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--examples", type=commands.at_least(1), default=1000)
    flags = parser.parse_args()
    flags.output.mkdir(parents=True, exist_ok=True)
    stack, labels, angles = turned(Path(os.environ["AVAE_DATA"]) / "mnist", flags.examples)
    np.save(flags.output / "turned.npy", stack)
    called = [sys.executable, "-m", "avae_jax.main", "--mode", "align", "--workdir", flags.workdir]
    places = ["--input", str(flags.output / "turned.npy"), "--output", str(flags.output / "out")]
    subprocess.run([*called, *places], check=True)
    with open(flags.output / "out" / "poses.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    found = np.array([float(line["rotation_deg"]) for line in lines])
    gaps = np.array([float(line["gap_nats"] or "inf") for line in lines])
    show(errors(found - angles, labels), gaps)


def turned(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Digits `uint8 [n, 40, 40]` turned against the clock, their labels, the angles in degrees."""
    images = read_idx(folder / "t10k-images-idx3-ubyte.gz")[:count]
    labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz")[:count]
    angles = np.random.default_rng(0).uniform(-180, 180, count)
    wide = np.pad(images, ((0, 0), (6, 6), (6, 6))).astype(np.float64)
    moved = [
        ndimage.rotate(image, angle, reshape=False, order=1)
        for image, angle in zip(wide, angles, strict=True)
    ]
    return np.rint(np.clip(moved, 0, 255)).astype(np.uint8), labels, angles


def errors(difference: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Absolute degrees `[n]` from the mean difference of the label."""
    circle = np.exp(1j * np.radians(difference))
    for label in np.unique(labels):
        members = labels == label
        circle[members] *= np.exp(-1j * np.angle(circle[members].mean()))
    return np.abs(np.degrees(np.angle(circle)))


def show(error: np.ndarray, gaps: np.ndarray) -> None:
    """Prints the errors, and for several margins of doubt how many of either side are wrong."""
    wrong = error > WRONG
    print(
        f"{len(error)} digits: median error {np.median(error):.2f} degrees, "
        f"90 % within {np.percentile(error, 90):.1f}, {1 - wrong.mean():.1%} within {WRONG:g}"
    )
    for margin in MARGINS:
        doubted = gaps < margin
        print(
            f"gap below {margin:g} nats: {doubted.mean():.1%} of all; more than {WRONG:g} degrees "
            f"off {wrong[doubted].mean():.1%} of these, {wrong[~doubted].mean():.1%} of the others"
        )


if __name__ == "__main__":
    commands.run(main)
