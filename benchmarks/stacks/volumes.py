"""How well stacks of noisy volumes are aligned, beside what is known to be good.

    python -m benchmarks.stacks.volumes --json benchmarks/results/volumes.json --seeds 11

Methods: `bound` (the same search by true clean templates), `moments` (principal axes and third
moments), `averaging` (`align_volumes` with no options), `product` (the whole of `fit-align`, with
no options but --config.data.nan=fill where voxels are NaN). CPU seconds are those of all threads,
compilation included, imports not.
"""

import argparse
import csv
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from benchmarks import command_line
from benchmarks.stacks.__main__ import accuracy
from benchmarks.stacks.chairs import chairs
from benchmarks.stacks.solid_particles import VolumeCase, VolumeStack, solids

CASES = [
    VolumeCase("desk-snr0.3", "desk", 0.3, 3),
    VolumeCase("desk-snr0.1", "desk", 0.1, 3),
    VolumeCase("jug-snr0.3", "jug", 0.3),
    VolumeCase("jug-snr0.1", "jug", 0.1),
    VolumeCase("mug-snr0.1", "mug", 0.1),
    VolumeCase("bottle-snr0.1", "bottle", 0.1),
    VolumeCase("rocket-snr0.1", "rocket", 0.1),
    VolumeCase("bench-snr0.1-nan", "bench", 0.1, 2, hidden=0.1),
    VolumeCase("stool-snr0.3-box", "stool", 0.3, 2, box=0.2),
    VolumeCase("stool-snr0.1-box", "stool", 0.1, 2, box=0.2),
    *(VolumeCase(f"chairs-snr{snr}", "chairs", snr) for snr in (3.0, 0.3)),
]
VARIED = {"chairs": chairs}  # objects that all differ, for which no templates are true
METHODS = ("bound", "moments", "averaging", "product")
WIDE = 1.5  # voxels of the smoothing before moments


class Found(NamedTuple):
    """Rotations of the objects `[N, 3, 3]`, shifts `[N, 3]` in voxels and classes `[N]`."""

    rotations: np.ndarray
    shifts: np.ndarray
    classes: np.ndarray


def main() -> None:
    """Runs what is asked for and writes one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", required=True, type=command_line.destination)
    parser.add_argument("--cases", default="", help="parts of names, by commas; all by default")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", default="11", help="by commas")
    parser.add_argument("--volumes", type=command_line.at_least(20), default=200)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.one:
        name, method, seed = flags.one
        case = next(case for case in CASES if case.name == name)
        print(json.dumps(measured(case, method, int(seed), flags.volumes)))
        return
    parts = [part for part in flags.cases.split(",") if part]
    rows: list[dict] = []
    for case in (c for c in CASES if not parts or any(part in c.name for part in parts)):
        for seed in flags.seeds.split(","):
            for method in flags.methods.split(","):
                rows += _apart(case.name, method, seed, flags.volumes)
                flags.json.write_text(json.dumps(rows, indent=1) + "\n")


def _apart(name: str, method: str, seed: str, volumes: int) -> list[dict]:
    """One measurement in a process of its own."""
    called = [sys.executable, "-m", "benchmarks.stacks.volumes", "--json", os.devnull]
    called += ["--volumes", str(volumes), "--one", name, method, seed]
    done = subprocess.run(called, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{name} {method} failed with status {done.returncode}", flush=True)
        return []
    row = json.loads(done.stdout.splitlines()[-1])
    if row:
        print(row, flush=True)
    return [row] if row else []


def measured(case: VolumeCase, method: str, seed: int, volumes: int) -> dict:
    """The figures of one method on one stack; empty where it does not apply."""
    import avae_jax.inference.averaging.volumes  # noqa: F401  imports are not counted

    if method == "bound" and case.shape in VARIED:
        return {}
    stack = VARIED.get(case.shape, solids)(case, count=volumes, seed=seed)
    began, wall = time.process_time(), time.monotonic()
    found = HOW[method](stack, seed)
    spent = {"cpu_s": time.process_time() - began, "wall_s": time.monotonic() - wall}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row = {"case": case.name, "method": method, "seed": seed, "volumes": volumes}
    figures = errors(stack, found) | spent | {"peak_gib": memory}
    return row | {name: round(value, 3) for name, value in figures.items()}


def errors(stack: VolumeStack, found: Found) -> dict:
    """Errors after one offset is taken off, and after one for each conformation."""
    one, _ = _off(stack, found, np.zeros(len(stack.classes), int))
    angle, shift = _off(stack, found, stack.classes)
    return {
        "median_deg_one": float(np.median(one)),
        "within20_one": float((one < 20).mean()),
        "median_deg": float(np.median(angle)),
        "within20": float((angle < 20).mean()),
        "shift_px": float(np.median(shift)),
        "classes": int(found.classes.max()) + 1,
        "class_accuracy": accuracy(stack.classes, found.classes),
    }


def _off(stack: VolumeStack, found: Found, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Errors of rotations (degrees) and shifts (voxels), the offset of each group taken off."""
    apart = np.swapaxes(found.rotations, 1, 2) @ stack.rotations
    moved = np.einsum("nji,nj->ni", stack.rotations, found.shifts - stack.shifts)
    angle, shift = np.zeros(len(apart)), np.zeros(len(apart))
    for group in np.unique(groups):
        mine = groups == group
        angle[mine] = _degrees(apart[mine], _middle(apart[mine]))
        shift[mine] = np.linalg.norm(moved[mine] - np.median(moved[mine], axis=0), axis=1)
    return angle, shift


def _degrees(rotations: np.ndarray, to: np.ndarray) -> np.ndarray:
    trace = np.einsum("nij,ij->n", rotations, to)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def _middle(rotations: np.ndarray) -> np.ndarray:
    """The mean of the most crowded part, within 20 degrees of one of them."""
    near = np.stack([_degrees(rotations, one) < 20 for one in rotations])
    u, _, v = np.linalg.svd(rotations[near[near.sum(1).argmax()]].sum(0))
    return u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v


def true_templates(stack: VolumeStack, seed: int) -> Found:
    """The search of averaging by the true clean objects, refined on single voxels."""
    import jax.numpy as jnp

    from avae_jax.inference.averaging.volumes import align
    from avae_jax.inference.averaging.volumes.model import Common, Model, filtered
    from avae_jax.inference.averaging.volumes.near import at, fine, posed
    from avae_jax.inference.averaging.volumes.ready import ready
    from avae_jax.inference.averaging.volumes.search import search, searched_near

    prepared = ready(stack.volumes)
    side, number = stack.case.size, len(stack.clean)
    common = Common(jnp.float32(1), jnp.float32(1e-3), jnp.float32(max(stack.case.shift, 1)))
    whole = np.ones(side)
    averages = np.stack([filtered(one / prepared.scale, whole) for one in stack.clean])
    shares = np.full(number, 1 / number, np.float32)
    model = Model(averages, np.ones((number, side // 2 + 1)), shares, common)
    grid = search(prepared.volumes, align.middle(side, align.SHIFT * side))
    near = searched_near(grid, fine(prepared.volumes, 2), at(model, 1, 2))
    starts = near.poses.rotation[:, :, :1], near.poses.shift[:, :, :1]
    near = posed(fine(prepared.volumes, 1), model, *starts)
    best, rows = near.weight.sum(2).argmax(1), np.arange(len(near.weight))
    return Found(near.poses.rotation[rows, best, 0], near.poses.shift[rows, best, 0], best)


def moments(stack: VolumeStack, seed: int) -> Found:
    """Principal axes of the smoothed volume, their ends told apart by third moments."""
    n = stack.case.size
    axes = np.moveaxis(np.indices((n,) * 3) - (n - 1) / 2, 0, -1)
    inside = np.linalg.norm(axes, axis=-1) < n / 2
    points, rotations, shifts = axes[inside], [], []
    for volume in np.nan_to_num(stack.volumes - np.nanmedian(stack.volumes)):
        smooth = ndimage.gaussian_filter(volume, WIDE)[inside]
        mass = np.where(smooth > 0.3 * np.percentile(smooth, 99), smooth, 0)
        centre = mass @ points / mass.sum()
        away = points - centre
        turn = np.linalg.eigh((mass[:, None] * away).T @ away)[1]
        turn = turn * np.where(mass @ (away @ turn) ** 3 < 0, -1, 1)
        turn[:, 0] *= np.linalg.det(turn)
        rotations.append(turn)
        shifts.append(centre)
    return Found(np.stack(rotations), np.stack(shifts), np.zeros(len(shifts), int))


def averaging(stack: VolumeStack, seed: int) -> Found:
    """`align_volumes` with no options."""
    from avae_jax.inference.averaging.volumes import align_volumes

    found = align_volumes(stack.volumes, seed=seed)
    rotations = np.swapaxes(found.poses[:, :3, :3], 1, 2)
    return Found(rotations, found.shift_px, found.classes)


def product(stack: VolumeStack, seed: int) -> Found:
    """Poses and classes of `poses.csv`, as `fit-align` writes it."""
    from avae_jax.main import main as run

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "stack.npy", Path(folder) / "aligned"
        np.save(source, stack.volumes)
        command = ["--mode", "fit-align", "--input", str(source), "--output", str(target)]
        nan = ["--config.data.nan=fill"] if np.isnan(stack.volumes).any() else []
        if run([*command, f"--config.seed={seed}", *nan]):
            raise RuntimeError("fit-align failed")
        with (target / "poses.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    read = functools.partial(_columns, rows)
    turned = Rotation.from_quat(read([f"quaternion_{a}" for a in "xyzw"])).as_matrix()
    shifts = read([f"shift_{axis}_px" for axis in "zyx"])
    return Found(turned[:, ::-1, ::-1], shifts, read(["class"])[:, 0].astype(int) - 1)


def _columns(rows: list[dict], names: list[str]) -> np.ndarray:
    return np.array([[float(row[name]) for name in names] for row in rows])


HOW = {
    "bound": true_templates,
    "moments": moments,
    "averaging": averaging,
    "product": product,
}

if __name__ == "__main__":
    command_line.run(main)
