"""Models of an experiment, trained through the command line as any user would."""

import dataclasses
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avae_jax import Posed, data
from avae_jax.config.options import Options
from avae_jax.training.workdir import WorkDir
from configs.experiments import SMOKE, merged

# smoke: seconds, to see whether everything runs; its numbers mean nothing.
SIZES = ("small", "full", "smoke")
BATCH = 100


@dataclasses.dataclass(frozen=True)
class Setting:
    """What to run, and where: the work directories lie in `folder / size`."""

    name: str
    size: str
    seed: int
    folder: Path

    @property
    def config(self) -> dict[str, Any]:
        """The config of the experiment, as plain dictionaries."""
        module = importlib.import_module(f"configs.experiments.{self.name}")
        config = module.get_config().to_dict()
        return merged(config, {"examples": 20, "smoke": SMOKE} if self.size == "smoke" else {})

    @property
    def result(self) -> Path:
        """The file of the numbers."""
        return self.folder / self.size / "results" / f"{self.name}_{self.seed}.json"


class Trained(NamedTuple):
    """A trained model, and the held-out examples `x: [n, *S, C]` in the pose of their source."""

    posed: Posed
    options: Options
    workdir: WorkDir
    x: np.ndarray
    labels: np.ndarray

    @property
    def summary(self) -> dict[str, Any]:
        """The numbers of its report."""
        return self.workdir.read_json("report/summary.json")


def trained(setting: Setting, name: str) -> Trained:
    """The model `name` of an experiment, trained if it is not yet.

    Raises:
      CalledProcessError: the command line failed; what it had to say it said.
    """
    workdir = WorkDir(setting.folder / setting.size / f"{name}_{setting.seed}")
    size, model = setting.config[setting.size], setting.config["models"][name]
    edits = merged(model, size) if setting.size == "smoke" else merged(size, model)
    edits = merged(edits, {"seed": setting.seed})
    config = edits.pop("config")
    called = [sys.executable, "-m", "avae_jax.main", "--config", config]
    called += ["--workdir", str(workdir.folder), *_flags(edits)]
    if not _finished(workdir):
        print(f"{name}: training", flush=True)
        subprocess.run(called, check=True)
    options = workdir.saved_options()
    dataset = data.load(options.data, seed=options.seed)
    count = setting.config.get("examples", len(dataset.test))
    labels = dataset.test_labels
    labels = np.zeros(len(dataset.test), np.int32) if labels is None else labels
    posed = Posed.load(workdir.folder, batch=BATCH)
    return Trained(posed, options, workdir, dataset.test[:count], labels[:count])


def _flags(edits: dict[str, Any], prefix: str = "--config.") -> Iterator[str]:
    """Edits as flags of the command line."""
    for name, value in edits.items():
        if isinstance(value, dict):
            yield from _flags(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={value}"


def _finished(workdir: WorkDir) -> bool:
    """Whether a run was trained to its end and evaluated."""
    summary = workdir.read_json("report/summary.json")
    if not isinstance(summary, dict):
        return False
    return summary["train"]["steps"] == workdir.saved_options().train.steps
