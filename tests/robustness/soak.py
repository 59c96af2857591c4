"""Trains, kills at random, starts again, and compares the end with that of an undisturbed run.

    python -m tests.robustness.soak --minutes 60 --json soak.json

Every round trains and evaluates a small model of the embedded digits through the command
line, as often killed as its turn of luck wants it: SIGKILL, or SIGTERM, after a random
time. Counted are kills, resumes and mismatches: metrics, the arrays of the last checkpoint
or the numbers of the evaluation that are not, bit for bit, those of the first run.
"""

import argparse
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from avae_jax.training.experiment import prepare
from avae_jax.training.restore import saved_state
from avae_jax.training.workdir import WorkDir
from benchmarks import command_line

SMALL = {
    "data.limit": 200,
    "model.hidden": 32,
    "search.starts": 4,
    "search.prototypes": 4,
    "train.steps": 60,
    "train.batch_size": 32,
    "eval.examples": 32,
    "eval.curve_points": 2,
    "eval.curve_examples": 8,
    # Nothing of it is compared.
    "eval.explored": "false",
    "log.moments": 2,
    "log.moment_examples": 8,
    "log.every": 2,
    "log.checkpoint_every": 5,
}
# What differs from run to run by its nature.
CLOCKS = ("seconds", "seconds_per_example")
SIGNALS = {signal.SIGKILL: "SIGKILL", signal.SIGTERM: "SIGTERM"}


def main() -> None:
    """Soaks for as long as asked, prints what happened and writes it."""
    flags = _flags()
    chance, began = random.Random(flags.seed), time.perf_counter()
    counts = {"rounds": 0, "kills": 0, "resumes": 0, "mismatches": 0}
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "undisturbed"
        started = time.perf_counter()
        _require(_start(first).wait() == 0, "the undisturbed run failed")
        whole, wanted, peaks = time.perf_counter() - started, _outcome(first), [_peak()]
        # One round at least, however long the first run took.
        while not counts["rounds"] or time.perf_counter() - began < 60 * flags.minutes:
            workdir = Path(folder) / "run"
            _round(workdir, whole, chance, counts)
            wrong = _differences(wanted, _outcome(workdir))
            counts["mismatches"] += bool(wrong)
            peaks.append(_peak())
            print(f"{_line(counts)}, peak {peaks[-1]:.0f} MiB {'; '.join(wrong)}", flush=True)
            shutil.rmtree(workdir)
    minutes = (time.perf_counter() - began) / 60
    result = counts | {"minutes": round(minutes, 1), "peak_mib": [peaks[0], peaks[-1]]}
    if flags.json:
        flags.json.write_text(json.dumps(result, indent=2) + "\n")
    sys.exit(1 if counts["mismatches"] else 0)


def _peak() -> float:
    """The most memory that any run so far has taken, in MiB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _round(workdir: Path, whole: float, chance: random.Random, counts: dict[str, int]) -> None:
    """One run from nothing to its end, killed on the way."""
    counts["rounds"] += 1
    while True:
        saved = workdir / "checkpoints"
        counts["resumes"] += saved.is_dir() and any(p.name.isdecimal() for p in saved.iterdir())
        process = _start(workdir)
        try:
            status = process.wait(chance.uniform(0.1, 1.1) * whole)
        except subprocess.TimeoutExpired:
            process.send_signal(chance.choice(list(SIGNALS)))
            process.wait()
            counts["kills"] += 1
            continue
        if status == 0:
            return
        raise SystemExit(f"soak: exit status {status}, {process.stderr.read()[-300:]}")


def _start(workdir: Path) -> subprocess.Popen:
    overrides = [f"--config.{name}={value}" for name, value in SMALL.items()]
    command = [sys.executable, "-m", "avae_jax.main", "--config", "digits"]
    # Text that nobody reads must not fill a pipe.
    log = tempfile.TemporaryFile("w+")
    process = subprocess.Popen(
        [*command, "--workdir", str(workdir), *overrides], stdout=subprocess.DEVNULL, stderr=log
    )
    process.stderr = log
    return process


def _outcome(workdir: Path) -> dict[str, Any]:
    """What a finished run leaves: metrics, arrays of the state, numbers of the report."""
    options = WorkDir(workdir).saved_options()
    experiment = prepare(options)
    with WorkDir(workdir) as files:
        state = saved_state(experiment.state, options, files)
    plain = jax.tree.map(_numbers, state)
    arrays = {jax.tree_util.keystr(k): v for k, v in jax.tree.flatten_with_path(plain)[0]}
    summary = json.loads((workdir / "report" / "summary.json").read_text())
    return {"metrics": (workdir / "metrics.jsonl").read_text(), **arrays, **_flat("", summary)}


def _numbers(leaf: Any) -> np.ndarray:
    key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if key else leaf)


def _flat(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    parts = [_flat(f"{name}.{k}", v) for k, v in value.items() if k not in CLOCKS]
    return {k: v for part in parts for k, v in part.items()}


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    names = sorted(one.keys() | other.keys())
    return [name for name in names if not np.array_equal(one.get(name), other.get(name))]


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(f"soak: {otherwise}")


def _line(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0, help="of the times of killing")
    parser.add_argument("--json", type=command_line.destination, help="where to write the counts")
    return parser.parse_args()


if __name__ == "__main__":
    command_line.run(main)
