"""Writes what was measured into `experiments.json`, docs/project/results.md and its figures."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.core.errors import InputError
from benchmarks.experiments import pages
from benchmarks.experiments.figures import FIGURES, draw

ROOT = Path(__file__).resolve().parents[2]


def collect(folder: Path, *, size: str, root: Path = ROOT) -> None:
    """Writes the pages from the results in `folder`; experiments without any keep their numbers.

    Args:
      size: of all results in `folder`.
      root: where benchmarks/ and docs/ lie.

    Raises:
      InputError: nothing was measured there.
    """
    results = {name: _seeds(folder, name) for name in FIGURES}
    missing = [name for name, runs in results.items() if not runs]
    results = {name: runs for name, runs in results.items() if runs}
    if not results:
        raise InputError(f"{folder}: no results, run an experiment first")
    file = root / "benchmarks" / "results" / "experiments.json"
    collected: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    pictures = root / "docs" / "figures" / "results"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, runs in results.items():
        numbers = over_seeds([run["numbers"] for run in runs])
        collected[name] = numbers | {"about": {"size": size} | _about(runs)}
        draw(name, numbers, pictures / f"{name}.png")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(collected, indent=1) + "\n")
    written = root / "docs" / "project" / "results.md"
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(pages.page(collected))
    print(f"experiments.json and docs/project/results.md: {', '.join(results)}")
    if missing:
        print(f"not measured at size {size}: {', '.join(missing)}")


def _seeds(folder: Path, name: str) -> list[dict[str, Any]]:
    """The results of an experiment, by seed."""
    files = sorted(folder.glob(f"{name}_*.json"))
    return sorted((json.loads(file.read_text()) for file in files), key=lambda run: run["seed"])


def _about(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Where the numbers of all seeds come from."""
    return {
        "seeds": [run["seed"] for run in runs],
        "commits": sorted({run["commit"] for run in runs}),
        "machine": runs[0]["machine"],
        "minutes": {"training": float(np.mean([run["minutes"]["training"] for run in runs]))},
    }


def over_seeds(values: list[Any]) -> Any:
    """Means over seeds, entry by entry; a number `x` of several seeds gets its `x_std` beside."""
    first = values[0]
    if len(values) == 1:
        return first
    if isinstance(first, dict):
        result: dict[str, Any] = {}
        for key in first:
            inner = [value[key] for value in values]
            result[key] = over_seeds(inner)
            if isinstance(first[key], float):
                result[f"{key}_std"] = float(np.std(inner, ddof=1))
        return result
    if isinstance(first, list):
        return [over_seeds(list(entries)) for entries in zip(*values, strict=True)]
    return float(np.mean(values)) if isinstance(first, float) else first
