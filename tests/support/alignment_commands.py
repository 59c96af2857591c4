"""Command lines of `--mode align` and `--mode fit-align`, for small models."""

import subprocess
import sys

import numpy as np

SMALL = {
    "data.limit": 48,
    "model.hidden": "24",
    "model.latent": 3,
    "search.starts": 3,
    "search.keep": 1,
    "search.steps": 1,
    "search.prototypes": 4,
    "search.turns": 12,
    "train.steps": 2,
    "train.batch_size": 16,
    "eval.examples": 8,
    "eval.batch_size": 8,
    "eval.curve_points": 2,
    "eval.curve_examples": 8,
    "eval.marginal_examples": 0,
    "eval.explored": "false",
    "log.moments": 0,
}


def command(mode, *flags, **changes):
    overrides = [f"--config.{name.replace('__', '.')}={value}" for name, value in changes.items()]
    return [sys.executable, "-m", "avae_jax.main", "--mode", mode, *map(str, flags), *overrides]


def aligning(model, stack, output, *flags, **changes):
    """The command that aligns a stack by the model of a work directory."""
    return command(
        "align", "--workdir", model, "--input", stack, "--output", output, *flags, **changes
    )


def run(called):
    return subprocess.run(called, capture_output=True, text=True, timeout=300)


def succeeded(called):
    done = run(called)
    assert done.returncode == 0, done.stderr
    return done


def images(count, shape, dtype="u1"):
    return np.random.default_rng(0).integers(0, 255, (count, *shape)).astype(dtype)
