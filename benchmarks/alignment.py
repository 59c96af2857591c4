"""Errors of alignment on digits and chairs turned by known poses.

With a model that was trained upright (`--mode align`):

    AVAE_DATA=data python -m avae_jax.main --config mnist_idx --config.data.pose=as_is \\
        --config.train.search=false --workdir runs/upright
    AVAE_DATA=data python -m benchmarks.alignment --model runs/upright --output runs/turned

With nothing but the stack (`--mode fit-align`); overrides of options may follow:

    AVAE_DATA=data python -m benchmarks.alignment --fit --what digits --output runs/digits
    AVAE_DATA=data python -m benchmarks.alignment --fit --what 3 --output runs/threes
    AVAE_DATA=data python -m benchmarks.alignment --fit --what chairs --output runs/chairs

scipy turns the objects, the command line aligns them, and the poses of its table are compared.
Digits slant, and a model that is fitted chooses its canonical poses: of each class the mean
pose is taken off, estimated on the other half of its examples. Models see test digits, a fit
sees training digits.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from avae_jax.core.errors import InputError
from avae_jax.evaluation.pose_metrics import label_means, pose_errors, resultant_length
from benchmarks import command_line
from benchmarks.data import Turned, affine, in_plane, turned_chairs, turned_digits

MARGINS = (1.0, 3.0, 5.0, 8.0, 12.0)  # nats
WRONG = 20.0  # degrees
WHAT = ("digits", *"0123456789", "chairs")


def main() -> None:
    """Makes the stack, aligns it, prints the errors."""
    flags, overrides = _flags()
    objects = _objects(flags)
    flags.output.mkdir(parents=True, exist_ok=True)
    np.save(flags.output / "turned.npy", objects.stack)
    mode = ["fit-align"] if flags.fit else ["align", "--workdir", flags.model]
    called = [sys.executable, "-m", "avae_jax.main", "--mode", *mode, *overrides]
    places = ["--input", str(flags.output / "turned.npy"), "--output", str(flags.output / "out")]
    began = time.perf_counter()
    subprocess.run([*called, *places], check=True)
    print(f"{flags.what}, {objects.stack.shape}: {time.perf_counter() - began:.0f} s")
    found, gaps = poses(flags.output / "out" / "poses.csv", objects.applied.shape[-1] - 1)
    show(found @ objects.applied, objects.labels, gaps)


def _objects(flags: argparse.Namespace) -> Turned:
    folder = os.environ.get("AVAE_DATA")
    if not folder:
        raise InputError("AVAE_DATA: not set, wanted the folder of mnist/ and modelnet10/")
    if flags.what == "chairs":
        return turned_chairs(Path(folder), flags.examples)
    label = None if flags.what == "digits" else int(flags.what)
    split = "train" if flags.fit else "t10k"
    return turned_digits(Path(folder), flags.examples, split=split, label=label)


def poses(table: Path, d: int) -> tuple[np.ndarray, np.ndarray]:
    """The rotations that align, as poses `[n, d + 1, d + 1]`, and the gaps `[n]` in nats."""
    with table.open(newline="") as file:
        lines = list(csv.DictReader(file))
    if d == 2:
        rotations = in_plane(np.array([float(line["align_rotation_deg"]) for line in lines]))
    else:
        parts = [[float(line[f"align_quaternion_{name}"]) for name in "xyzw"] for line in lines]
        # On points x, y, z, while an array has z, y, x.
        rotations = Rotation.from_quat(parts).as_matrix()[:, ::-1, ::-1]
    return affine(rotations), np.array([float(line["gap_nats"] or "inf") for line in lines])


def show(reached: np.ndarray, labels: np.ndarray, gaps: np.ndarray) -> None:
    """Prints errors of all, on both sides of several margins of doubt, and of every label.

    Args:
      reached: poses `[n, d + 1, d + 1]` of the objects after alignment.
    """
    error = pose_errors(reached, label_means(reached, labels)).degrees
    print(f"all: {said(error)}, resultant length {resultant_length(reached, labels):.2f}")
    wrong = error > WRONG
    for margin in MARGINS:
        doubted = gaps < margin
        print(
            f"gap below {margin:g} nats: {doubted.mean():.1%} of all; more than {WRONG:g} degrees "
            f"off {share(wrong[doubted])} of these, {share(wrong[~doubted])} of the others"
        )
    for label in np.unique(labels):
        print(f"  {label}: {said(error[labels == label])}")


def said(error: np.ndarray) -> str:
    """Errors in degrees, in words."""
    return (
        f"{len(error)}, median error {np.median(error):.2f} degrees, "
        f"90 % within {np.percentile(error, 90):.1f}, {share(error <= WRONG)} within {WRONG:g}"
    )


def share(flags: np.ndarray) -> str:
    """The share of true flags, in words; there may be none."""
    return f"{flags.mean():.1%}" if flags.size else "none"


def _flags() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--model", metavar="WORKDIR", help="of a model trained upright: align")
    how.add_argument("--fit", action="store_true", help="train on the stack itself: fit-align")
    parser.add_argument("--what", choices=WHAT, default="digits", help="one of ten digits, or all")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--examples", type=command_line.at_least(1), default=1000, help="at most")
    return parser.parse_known_args()


if __name__ == "__main__":
    command_line.run(main)
