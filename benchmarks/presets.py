"""Compares searches on one trained model and the same posed held-out examples.

    python -m benchmarks.presets --workdir runs/mnist --json presets.json

Prints a table and writes the same as JSON: mean loss (nats, the search's own objective at
z = mean, without the prior), share of poses within 20 degrees of the label's common pose,
forward-equivalents, milliseconds an example (compiled before, one batch after another).
"""

import argparse
import functools
import json
import time
from pathlib import Path

import jax
import numpy as np

from avae_jax import alignment, data, evaluate
from avae_jax.experiment import stream
from avae_jax.objective import elbo
from avae_jax.options import SearchOptions
from avae_jax.pose_search import resolve
from avae_jax.posing import build_bank, forward_equivalents
from avae_jax.restore import load
from avae_jax.workdir import WorkDir

RECIPES = {
    "source": SearchOptions(preset="source"),
    "source, 64 even, top 2, 10 steps": SearchOptions(
        preset="source", kind="even", starts=64, keep=2, steps=10
    ),
    "fast": SearchOptions(preset="fast"),
    "fast, 1 kept, 3 steps": SearchOptions(preset="fast", keep=1, steps=3),
    "fast, 16 starts": SearchOptions(preset="fast", starts=16),
    "fast, even starts instead of the bank": SearchOptions(preset="fast", kind="even", starts=32),
    "thorough": SearchOptions(preset="thorough"),
}


def main() -> None:
    """Runs every recipe and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True, help="of a trained model")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument("--examples", type=int, default=500)
    flags = parser.parse_args()
    options = WorkDir(flags.workdir).saved_options()
    dataset = data.load(options.data, seed=options.seed)
    trained = load(flags.workdir)
    x = dataset.test[: flags.examples]
    labels = dataset.test_labels
    labels = np.zeros(len(x), int) if labels is None else labels[: len(x)]
    key = stream(options, "test")
    index = np.arange(len(x))
    observed, applied = jax.jit(functools.partial(evaluate.apply_poses, avae=trained.avae))(
        key, x, index
    )
    table = {}
    for name, recipe in RECIPES.items():
        search = resolve(recipe, trained.avae.group)
        table[name] = measure(trained, search, key, observed, np.asarray(applied), labels)
        print(f"{name:40}", "  ".join(f"{k} {v:.4g}" for k, v in table[name].items()), flush=True)
    if flags.json:
        flags.json.write_text(json.dumps(table, indent=2) + "\n")


def measure(trained, search, key, observed, applied, labels) -> dict[str, float]:
    """One recipe over all examples, in batches of 50."""
    avae = trained.avae
    bank = None
    if search.kind == "bank":
        prototypes = np.resize(trained.prototypes, (search.prototypes, trained.prototypes.shape[1]))
        bank = build_bank(trained.params, prototypes, avae=avae, options=search)
    run = jax.jit(functools.partial(evaluate.search_batch, avae=avae, search=search))
    loss = jax.jit(jax.vmap(functools.partial(_loss, avae=avae), (None, 0, 0)))
    poses, losses, seconds = [], [], []
    for start in range(0, len(observed) - len(observed) % 50, 50):
        part, index = observed[start : start + 50], np.arange(start, start + 50)
        began = time.perf_counter()
        found = jax.block_until_ready(run(trained.params, key, part, index, bank))
        seconds.append(time.perf_counter() - began)
        poses.append(np.asarray(found.pose))
        losses.append(np.asarray(loss(trained.params, part, found.pose)))
    count = 50 * len(poses)
    moved = np.concatenate(poses) @ applied[:count]
    means = alignment.label_means(moved, labels[:count])
    errors = alignment.pose_errors(moved, means)
    return {
        "loss": float(np.concatenate(losses).mean()),
        "within_20": float((errors.degrees < 20).mean()),
        "resultant_length": alignment.resultant_length(moved, labels[:count]),
        "forward_equivalents": forward_equivalents(
            trained.params, observed[0], avae=avae, options=search, bank=bank
        ),
        # The first call compiles.
        "ms_per_example": 1000 * float(np.median(seconds[1:])) / 50,
    }


def _loss(params, x, pose, *, avae):
    terms = elbo(params, None, x, pose, avae=avae)
    return terms.nll + terms.kl


if __name__ == "__main__":
    main()
