"""Small runs of the command line, and what they write."""

import json
import subprocess
import sys

SMALL = {
    "data.limit": 48,
    "model.hidden": "24",
    "model.latent": 3,
    "search.starts": 3,
    "search.keep": 1,
    "search.steps": 1,
    "search.prototypes": 4,
    "search.turns": 12,
    "train.steps": 4,
    "train.synchronised": 1,
    "train.batch_size": 16,
    "train.warmup": 0,
    "train.schedule": "constant",
    "eval.examples": 8,
    "eval.batch_size": 8,
    "eval.curve_points": 2,
    "eval.curve_examples": 8,
    "eval.marginal_examples": 8,
    "eval.marginal_samples": 6,
    "eval.explored": "false",
    "log.moments": 2,
    "log.moment_examples": 8,
    "log.every": 2,
    "log.checkpoint_every": 2,
}


def command(config, workdir, **changes):
    options = {**SMALL, **{name.replace("__", "."): value for name, value in changes.items()}}
    overrides = [f"--config.{name}={value}" for name, value in options.items()]
    flags = ["--config", config] if config else []
    return [sys.executable, "-m", "avae_jax.main", *flags, "--workdir", str(workdir), *overrides]


def run(config, workdir, *, cwd=None, **changes):
    called = command(config, workdir, **changes)
    return subprocess.run(called, cwd=cwd, capture_output=True, text=True, timeout=300)


def summary_of(workdir):
    def refuse(constant):
        raise AssertionError(f"{constant} is not strict JSON")

    text = (workdir / "report" / "summary.json").read_text()
    return json.loads(text, parse_constant=refuse)


def lines_of(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


ALONE = {**SMALL, "log.moments": 0}
ENDLESS = {**ALONE, "train.steps": 100_000, "log.every": 1}
