"""Volumes: loss and squared error with and without search in training, by case."""

from typing import Any

import numpy as np

from benchmarks.experiments.posed_losses import (
    at_random,
    nats,
    squared_error,
    unmoved,
    with_interval,
)
from benchmarks.experiments.runs import Setting, trained
from configs.experiments.volumes import cases, name_of


def measure(setting: Setting) -> dict[str, Any]:
    """A row a pair of models, each evaluated as it was trained; lower is by how much, in %."""
    rows = []
    for objects, poses, latent in cases():
        row: dict[str, Any] = {"objects": objects, "poses": poses, "latent": latent}
        errors = {}
        for search in (True, False):
            model = trained(setting, name_of(objects, poses, latent, search=search))
            x, _ = at_random(model.posed, model.x)
            found = model.posed.pose(x) if search else unmoved(model.posed, x)
            errors[search] = squared_error(model.posed, x, found)
            row["with_search" if search else "without"] = {
                "nats": with_interval(nats(model.posed, x, found)),
                "squared_error": with_interval(errors[search]),
            }
        row["lower_percent"] = _lower(errors[True], errors[False])
        nats_of = {kind: row[kind]["nats"]["mean"] for kind in ("with_search", "without")}
        print(f"{objects} {poses} {latent}: {nats_of}, {row['lower_percent']['mean']:.1f} %")
        rows.append(row)
    return {"rows": rows}


def _lower(searched: np.ndarray, without: np.ndarray) -> dict[str, Any]:
    """By how many % the mean squared error is lower; examples are drawn in pairs."""
    draws = np.random.default_rng(0).integers(len(without), size=(2000, len(without)))
    ratios = 100 * (1 - searched[draws].mean(1) / without[draws].mean(1))
    low, high = np.percentile(ratios, [2.5, 97.5])
    mean = 100 * (1 - searched.mean() / without.mean())
    return {"mean": float(mean), "interval": [float(low), float(high)]}
