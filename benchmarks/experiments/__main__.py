"""Runs one experiment, or collects what has been measured. See the package."""

import argparse
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax

import configs.experiments
from avae_jax.core.atomic_files import whole
from avae_jax.core.errors import InputError
from benchmarks.experiments.collect import collect
from benchmarks.experiments.runs import SIZES, Setting

HELP = "small: two epochs; full: ten; smoke: seconds, to see whether all runs"
NAMES = tuple(module.name for module in pkgutil.iter_modules(configs.experiments.__path__))


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments", description=__doc__)
    parser.add_argument("name", choices=(*NAMES, "collect"), help="an experiment, or collect")
    parser.add_argument("--size", choices=SIZES, default="small", help=HELP)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs/experiments"), metavar="DIR")
    flags = parser.parse_args()
    try:
        if flags.name == "collect":
            collect(flags.runs / flags.size / "results", size=flags.size)
        else:
            run(Setting(flags.name, flags.size, flags.seed, flags.runs))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except subprocess.CalledProcessError as error:
        # The command has said what was wrong.
        sys.exit(error.returncode if error.returncode > 0 else 1)


def run(setting: Setting) -> None:
    """Measures, unless that is done, and writes the numbers."""
    if setting.result.exists():
        print(f"{setting.result}: measured already, delete it to measure again")
        return
    if not os.environ.get("AVAE_DATA"):
        raise InputError("AVAE_DATA: not set, wanted the folder of mnist/ and modelnet10/")
    module = importlib.import_module(f"benchmarks.experiments.{setting.name}")
    numbers = module.measure(setting)
    about = {
        "experiment": setting.name,
        "size": setting.size,
        "seed": setting.seed,
        # What was trained in an earlier call counts, what this call took says little.
        "minutes": {"training": training_minutes(setting)},
        "commit": commit(),
        "machine": machine(),
    }
    setting.result.parent.mkdir(parents=True, exist_ok=True)
    with whole(setting.result) as file:
        file.write((json.dumps(about | {"numbers": numbers}, indent=2) + "\n").encode())
    print(f"{setting.result}: written")


def training_minutes(setting: Setting) -> float:
    """What all models of the experiment took to train, whenever that was."""
    folder, seconds = setting.folder / setting.size, 0.0
    for name in setting.config["models"]:
        file = folder / f"{name}_{setting.seed}" / "report" / "summary.json"
        seconds += json.loads(file.read_text())["train"]["seconds"]
    return seconds / 60


def commit() -> str:
    """The commit that is checked out, `+` if files differ from it."""
    called = ["git", "describe", "--always", "--abbrev=10", "--dirty=+"]
    done = subprocess.run(called, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


def machine() -> dict[str, Any]:
    """Processor, cores and device."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    device = jax.devices()[0]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "device": f"{jax.device_count()} {device.device_kind}",
    }


if __name__ == "__main__":
    main()
