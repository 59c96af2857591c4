"""How well stacks of noisy images are aligned, beside what is known to be good.

    python -m benchmarks.stacks --json benchmarks/results/stacks.json
    python -m benchmarks.stacks --json out.json --cases hinged --methods bound,em,product --seeds 5

Methods: `bound` (true clean templates, maximum likelihood), `em` (plain numpy EM with the true
number of classes), `em1` (with one), `moments`, `registration` (scikit-image), `product` (no
options), `told` (the product, told the number of classes). All but the product take the mean of
colours. Each case and method has a process of its own on one core; CPU seconds are those of the
process after its imports, compilation included.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks import command_line
from benchmarks.stacks import classical
from benchmarks.stacks.galaxies import galaxies
from benchmarks.stacks.particles import RANDOM, Case, Stack, particles, random_case
from benchmarks.stacks.pictures import pictures

SNRS = (3.8, 1.2, 0.39, 0.19)
CASES = [
    *(Case(f"hinged-24-snr{snr}", snr=snr) for snr in SNRS),
    *(Case(f"hinged-24-rotation-snr{snr}", snr=snr, shift=0.0) for snr in (1.0, 0.3)),
    *(Case(f"hinged-48-snr{snr}", size=48, snr=snr, shift=2.0) for snr in (0.39, 0.19, 0.05)),
    Case("hinged-64-snr0.19", size=64, snr=0.19, shift=2.7),
    *(
        Case(f"{shape}-24-snr{snr}", shape=shape, snr=snr)
        for shape in ("half_turn", "mirror", "elongated", "round", "three_fold")
        for snr in (1.2, 0.3)
    ),
    *(Case(f"coloured-24-snr{snr}", noise="coloured", snr=snr) for snr in (1.2, 0.39)),
    *(
        Case(f"{damage}-24-snr0.39", damage=damage)
        for damage in ("contrast", "gradient", "inverted", "hot", "integer", "negative")
    ),
    Case("threes-28-snr1.2", shape="mnist:3", size=28, snr=1.2),
    Case("digits-28-snr3.8", shape="mnist:all", size=28, snr=3.8),
    *(Case(f"galaxies-32-snr{snr}", shape="galaxy", size=32, snr=snr) for snr in (3.8, 0.39)),
]
METHODS = ("bound", "em", "em1", "moments", "registration", "product", "told")
# Stacks of objects that all differ, for which no templates are true; others are particles.
VARIED: dict[str, Callable[..., Stack]] = {"mnist": pictures, "galaxy": galaxies}


def main() -> None:
    """Runs what is asked for and writes one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", required=True, type=command_line.destination)
    parser.add_argument(
        "--cases",
        default="",
        help="parts of names, by commas; all by default; rods:7 is a random particle of seed 7",
    )
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", default="0", help="by commas")
    parser.add_argument("--images", type=command_line.at_least(50), default=1000)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.one:
        name, method, seed = flags.one
        print(json.dumps(measured(_case(name), method, int(seed), flags.images)))
        return
    parts = [part for part in flags.cases.split(",") if part]
    random = [part for part in parts if part.startswith(RANDOM)]
    chosen = [c for c in CASES if not parts or any(part in c.name for part in parts)]
    chosen += [_case(name) for name in random]
    rows = []
    for case in chosen:
        for seed in flags.seeds.split(","):
            for method in flags.methods.split(","):
                rows += _apart(case.name, method, seed, flags.images)
                flags.json.write_text(json.dumps(rows, indent=1) + "\n")


def _case(name: str) -> Case:
    if name.startswith(RANDOM):
        return random_case(int(name.removeprefix(RANDOM)))
    return next(case for case in CASES if case.name == name)


def _apart(name: str, method: str, seed: str, images: int) -> list[dict]:
    """One measurement in a process of its own, on one core."""
    called = [sys.executable, "-m", "benchmarks.stacks", "--json", os.devnull]
    called += ["--images", str(images), "--one", name, method, seed]
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    one["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    done = subprocess.run(
        called, env=os.environ | one, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        print(f"{name:28s} {method:8s} failed with status {done.returncode}", flush=True)
        return []
    row = json.loads(done.stdout.splitlines()[-1])
    if row:
        print(said(row), flush=True)
    return [row] if row else []


def measured(case: Case, method: str, seed: int, images: int) -> dict:
    """The figures of one method on one stack; empty where it does not apply."""
    varied = VARIED.get(case.shape.partition(":")[0])
    if method == "bound" and (varied or case.noise != "white"):
        return {}
    stack = (varied or particles)(case, count=images, seed=seed)
    if method in ("product", "told"):
        import avae_jax.inference.averaging  # noqa: F401  imports are not counted
    began = time.process_time()
    found = aligned(stack, method, seed)
    spent = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row = {"case": case.name, "method": method, "seed": seed, "images": images}
    figures = errors(stack, found)
    return row | figures | {"cpu_s": round(spent, 2), "peak_gib": round(memory, 3)} | _note(found)


def _note(found: classical.Found) -> dict:
    return {"note": found.note} if found.note else {}


def aligned(stack: Stack, method: str, seed: int) -> classical.Found:
    """What a method finds."""
    case, images = stack.case, stack.images
    images = images.mean(-1) if images.ndim == 4 else images
    if method == "bound":
        return classical.true_templates(stack)
    if method == "moments":
        return classical.moments(images, case)
    if method == "registration":
        from benchmarks.stacks.registration import registration

        return registration(images, case)
    if method in ("em", "em1"):
        classes = 1 if method == "em1" else len(np.unique(stack.classes))
        return classical.expectation_maximisation(images, case, classes=classes, seed=seed)
    if method in ("product", "told"):
        from benchmarks.stacks import product

        number = int(stack.classes.max()) + 1
        return product.aligned(stack, seed, *([f"--classes={number}"] * (method == "told")))
    sys.exit(f"--methods={method}, wanted some of {', '.join(METHODS)}")


def errors(stack: Stack, found: classical.Found) -> dict:
    """Errors after one offset is taken off, and after one for each class."""
    one = np.zeros(len(stack.angles), int)
    angle_one, _ = _off(stack, found, one)
    angle, shift = _off(stack, found, stack.classes)
    return {
        "median_deg_one": round(float(np.median(angle_one)), 3),
        "within20_one": round(float((angle_one < 20).mean()), 4),
        "median_deg": round(float(np.median(angle)), 3),
        "within20": round(float((angle < 20).mean()), 4),
        "within5": round(float((angle < 5).mean()), 4),
        "shift_px": round(float(np.median(shift)), 3),
        "classes": int(found.classes.max()) + 1,
        "class_accuracy": round(accuracy(stack.classes, found.classes), 4),
        **_doubt(angle, found),
    }


def _doubt(angle: np.ndarray, found: classical.Found) -> dict:
    """Shares that are doubtful, wrong of those that are and are not, and elsewhere (said, true)."""
    if found.doubtful is None:
        return {}
    wrong, doubtful = angle > 20, found.doubtful
    kinds = {"wrong_of_doubtful": doubtful, "wrong_of_others": ~doubtful}
    shares = {name: float(wrong[kind].mean()) for name, kind in kinds.items() if kind.any()}
    if found.elsewhere is not None:
        shares["elsewhere_said"] = float(found.elsewhere.mean())
        shares["elsewhere_true"] = float((angle > 15).mean())
    return {"doubtful": float(doubtful.mean())} | {k: round(v, 4) for k, v in shares.items()}


def _off(stack: Stack, found: classical.Found, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Errors of angles (degrees, modulo symmetry) and shifts (pixels), group means taken off."""
    turned = np.radians((found.angles - stack.angles) * stack.order)
    # In the frame of the object: a canonical origin elsewhere is a constant there.
    y, x = (found.shifts - stack.shifts).T
    cos, sin = np.cos(np.radians(stack.angles)), np.sin(np.radians(stack.angles))
    moved = np.stack([cos * y + sin * x, cos * x - sin * y], 1)
    angle, shift = np.zeros(len(turned)), np.zeros(len(turned))
    for group in np.unique(groups):
        mine = groups == group
        error = np.angle(np.exp(1j * (turned[mine] - _middle(turned[mine]))))
        angle[mine] = np.degrees(np.abs(error)) / stack.order
        shift[mine] = np.linalg.norm(moved[mine] - np.median(moved[mine], axis=0), axis=1)
    return angle, shift


def _middle(turned: np.ndarray) -> float:
    """The mean direction of the most crowded part, radians."""
    centres = np.radians(np.arange(0, 360, 5.0))
    near = np.cos(turned[:, None] - centres) > np.cos(np.radians(30))
    kept = turned[near[:, near.sum(0).argmax()]]
    return float(np.angle(np.exp(1j * kept).mean()))


def accuracy(true: np.ndarray, found: np.ndarray) -> float:
    """Share of examples whose found class is the one that stands for their true class."""
    from scipy.optimize import linear_sum_assignment

    table = np.zeros((true.max() + 1, found.max() + 1))
    np.add.at(table, (true, found), 1)
    return float(table[linear_sum_assignment(-table)].sum() / len(true))


def said(row: dict) -> str:
    """A row of figures in one line."""
    return (
        f"{row['case']:28s} {row['method']:8s} {row['median_deg']:6.2f} deg "
        f"{row['within20']:6.1%} ({row['median_deg_one']:6.2f} {row['within20_one']:6.1%})  "
        f"{row['shift_px']:5.2f} px  {row['classes']} classes {row['class_accuracy']:.3f}  "
        f"{row['cpu_s']:6.1f} s {row['peak_gib']:.2f} GiB"
    )


if __name__ == "__main__":
    command_line.run(main)
