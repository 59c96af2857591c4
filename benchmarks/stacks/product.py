"""The product on a stack of the benchmark: `fit-align`."""

import csv
import tempfile
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

from avae_jax.main import main
from benchmarks.stacks.classical import Found
from benchmarks.stacks.particles import Stack


def aligned(stack: Stack, seed: int, *flags: str) -> Found:
    """Poses of `poses.csv`, and classes by k-means on `latents.npy`, their number known.

    Args:
      flags: of the command line, besides input, output and the seed.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "stack.npy", Path(folder) / "aligned"
        np.save(source, stack.images)
        command = ["--mode", "fit-align", "--input", str(source), "--output", str(target)]
        if main([*command, f"--config.seed={seed}", *flags]):
            raise RuntimeError("fit-align failed")
        with (target / "poses.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        codes = np.load(target / "latents.npy")
    angles = np.array([float(row["rotation_deg"]) for row in rows])
    shifts = [[float(row.get(f"shift_{axis}_px", 0)) for axis in "yx"] for row in rows]
    number = int(stack.classes.max()) + 1
    classes = KMeans(number, n_init=10, random_state=seed).fit_predict(codes)
    doubtful = np.array([row["doubtful"] == "true" for row in rows])
    note = f"{len({row.get('class') for row in rows})} classes"
    # A VAE states it only where that is asked.
    stated = [float(row["elsewhere"]) for row in rows] if "elsewhere" in rows[0] else None
    elsewhere = None if stated is None else np.array(stated)
    return Found(angles, np.array(shifts), classes, note, doubtful, elsewhere)
