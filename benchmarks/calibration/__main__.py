"""How often true poses lie in the stated regions, and how tight the bound on log p(x) is.

    AVAE_DATA=data python -m benchmarks.calibration --json calibration.json

Models of upright objects search the poses of images drawn from them (`own`) and of held-out objects
turned at random (`real`). One half calibrates, the other is checked. Prints a table, writes JSON:

    held                 share of true poses in regions of 50, 80, 90, 95 and 99 %
    ranks                probability of the region that just holds the truth, in 20 bins: even
                         where all is right (simulation-based calibration)
    ..._of_model         the same before the calibration
    ..._by_default       the same after `APPROXIMATE`, which needs no true poses
    score                mean log density of the true poses, calibrated and not; higher is better
    elsewhere            stated probability of another optimum in bins, and the share found
    effective, untrusted effective draws; share of examples with a Pareto shape above 0.7
    bound, below         nats; how far below that of 32 times as many draws, on 50 examples
    ms                   CPU time an example: the search, then posterior and bound together
"""

import argparse
import dataclasses
import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from avae_jax.config.options import ModelOptions, SearchOptions, TrainOptions
from avae_jax.core.compilation import jit
from avae_jax.core.types import PyTree
from avae_jax.inference.ambiguity import with_candidates
from avae_jax.inference.batch import posterior_batch, search_batch
from avae_jax.inference.find_poses import build_bank
from avae_jax.inference.problem import bounded
from avae_jax.inference.search import resolve_search
from avae_jax.models.simulation import draw_observations
from benchmarks import accelerators, command_line
from benchmarks.calibration.scores import STATED, Case, Measured, row
from benchmarks.data import SEED, digits, volumes
from benchmarks.search import models
from benchmarks.search.__main__ import DEFORMED, PATCHES, VOLUMES

BATCH, DRAWS = 50, 128
MORE = 32  # factor on the draws for the reference of the bound, on BATCH examples
NOISE = 0.3  # deviation of the noise in the images of the Gaussian model
CASES = ("mnist_rotation", "mnist_rigid", "gaussian_rotation", "chairs_rotation")


def main() -> None:
    """Measures the cases and writes the table."""
    flags = _flags()
    accelerators.choose(flags.platform)
    rows: dict[str, dict[str, Any]] = {}
    about = {"device": jax.devices()[0].device_kind, "cores": os.cpu_count()}
    for name in flags.cases:
        case = _case(name, flags)
        for images, given in (("own", _own(case, flags.examples)), ("real", _real(case))):
            scored = row(case, _measured(case, *given))
            rows[f"{name}_{images}"] = scored
            print(_line(f"{name}_{images}", scored), flush=True)
            if flags.json:
                found = {"stated": STATED, "cases": rows, "about": about}
                text = json.dumps(found, indent=1, allow_nan=False)
                flags.json.write_text(text + "\n")


def _case(name: str, flags: argparse.Namespace) -> Case:
    kind, _, group = name.partition("_")
    print(f"{name}: training", flush=True)
    if kind == "chairs":
        file = flags.data / "modelnet10" / "chair_32.npz"
        objects = volumes(file, test=flags.examples, side=16)
        how = dataclasses.replace(VOLUMES, steps=flags.steps or 400)
        upright = models.train(objects, PATCHES, how, deformed=DEFORMED)
    else:
        objects = digits(flags.data, test=flags.examples)
        how = TrainOptions(steps=flags.steps or 600, batch_size=128, learning_rate=1e-3)
        options = ModelOptions()
        if kind == "gaussian":
            options = ModelOptions(likelihood="gaussian_learned", sigma=NOISE)
            objects = objects._replace(train=_noisy(objects.train))
        upright = models.train(objects, options, how)
    likelihood = upright.options.likelihood
    avae = models.wrap(upright.model, objects, group, likelihood=likelihood)
    search = with_candidates(resolve_search(SearchOptions(), avae.group))
    return Case(upright, objects, avae, search)


def _own(case: Case, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images drawn from the model, and the poses that carry them to the canonical pose."""
    draw = jax.jit(
        functools.partial(draw_observations, avae=case.avae, latent=case.upright.met.shape[1])
    )
    key, drawn = jax.random.key(SEED + 3), []
    for start in range(0, count, BATCH):
        x, _, poses = draw(
            case.upright.params, jax.random.split(jax.random.fold_in(key, start), BATCH)
        )
        drawn.append((np.asarray(x), np.asarray(poses)))
    x, poses = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return x, poses


def _real(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Held-out objects turned at random, and the poses that carry them back."""
    observed, applied = models.posed(case.objects, case.avae)
    whole = len(observed) // BATCH * BATCH
    if case.avae.likelihood == "gaussian_learned":
        observed = _noisy(observed)
    return observed[:whole], np.linalg.inv(applied[:whole]).astype(np.float32)


def _noisy(images: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(SEED + 5).standard_normal(images.shape, dtype=np.float32)
    return images + NOISE * noise


def _measured(case: Case, x: np.ndarray, true: np.ndarray) -> Measured:
    avae, params, chunk = case.avae, case.upright.params, bounded(case.search, case.avae).chunk
    build = jit(functools.partial(build_bank, avae=avae, options=case.search))
    bank, key = build(params, case.upright.met), jax.random.key(SEED)
    search = jit(functools.partial(search_batch, avae=avae, search=case.search))
    integrate = jit(
        functools.partial(posterior_batch, avae=avae, chunk=chunk), static_argnames="samples"
    )
    parts, seconds = [], np.zeros(2)
    for start in range(0, len(x), BATCH):
        index = np.arange(start, start + BATCH)
        found, first = _timed(search, params, key, x[index], index, bank)
        both, second = _timed(integrate, params, key, x[index], index, found, samples=DRAWS)
        seconds += (first, second) if start else (0, 0)
        parts.append(jax.tree.map(np.asarray, (both, found.pose)))
    (evidence, posterior), found = jax.tree.map(lambda *each: np.concatenate(each), *parts)
    ms = 1e3 * seconds / max(len(x) - BATCH, 1)
    index = np.arange(BATCH)
    first = search(params, key, x[index], index, bank)
    many = integrate(params, key, x[index], index, first, samples=MORE * DRAWS)[0].bound
    below = float((many - evidence.bound[:BATCH]).mean())
    return Measured(posterior, evidence, true, found, below, (float(ms[0]), float(ms[1])))


def _timed(function: Callable, *args: Any, **given: Any) -> tuple[PyTree, float]:
    began = time.process_time()
    return jax.block_until_ready(function(*args, **given)), time.process_time() - began


def _line(name: str, row: dict[str, Any]) -> str:
    def shares(key: str) -> str:
        return " ".join(f"{100 * share:5.1f}" for share in row[key])

    return (
        f"{name:24} n={row['checked']:<5} held {shares('held')} "
        f"(by default {shares('held_by_default')}; of the model {shares('held_of_model')})  "
        f"score {row['score']:.2f} "
        f"({row['score_of_model']:.2f})  effective {row['effective']:.1f}  "
        f"bound {row['bound']:.2f} ({row['below']:.2f} below)  "
        f"{row['ms']['search']:.1f} + {row['ms']['posterior_and_bound']:.1f} ms"
    )


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=command_line.destination, help="where to write the numbers")
    folder = Path(os.environ.get("AVAE_DATA") or "data")
    parser.add_argument("--data", type=Path, default=folder, help="holds mnist/ and modelnet10/")
    parser.add_argument("--platform", choices=accelerators.PLATFORMS)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument(
        "--examples", type=command_line.at_least(2 * BATCH), default=2000, help="of each kind"
    )
    parser.add_argument("--steps", type=command_line.at_least(1), help="updates of every model")
    return parser.parse_args()


if __name__ == "__main__":
    command_line.run(main)
