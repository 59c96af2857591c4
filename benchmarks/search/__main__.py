"""What searches find and cost, beside the recipe of the original work in JAX and in PyTorch.

    AVAE_DATA=data python -m benchmarks.search --json search.json

Trains its models upright (images: dense, and the source's layout; volumes: patches), turns
held-out objects at random and searches their poses. Prints a table and writes it as JSON:

    loss, true_loss      nats, the search's own objective (z at its mean), at the found and
                         at the true pose
    within_20            share of rotations within 20 degrees of the truth
    forward_equivalents  operations of the search over those of one forward pass
    ms_per_example       median over batches, compiled before
    peak_mib             memory of the compiled search and its inputs; null for PyTorch
    network              dense (the default), source (the layout of the original work), or
                         patches (volumes)
"""

import argparse
import dataclasses
import json
import os
import platform as machine
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax

from avae_jax.config.options import ModelOptions, SearchOptions, TrainOptions
from avae_jax.inference.head_fitting import fit_head
from avae_jax.inference.search import resolve
from benchmarks import accelerators, command_line
from benchmarks.data import SEED, Objects, digits, volumes
from benchmarks.search import models
from benchmarks.search.measure import Case, Try, case_of, search_in_torch, searches_in_jax

SOURCE = SearchOptions(preset="original")
SOURCE_EVEN = SearchOptions(preset="original", kind="even", starts=64, keep=2, steps=10)
PRESETS = {
    "source": SOURCE,
    "source_even": SOURCE_EVEN,
    "fast": SearchOptions(preset="fast"),
    "thorough": SearchOptions(preset="thorough"),
}
# Published because they lost; tried where poses are rotations.
LOST = {
    "bank_full_gauss_newton": SearchOptions(method="gauss_newton", starts=8, keep=2, steps=4),
    "bank_registration": SearchOptions(method="register", starts=8, keep=1, steps=2, polish=2),
    "even_instead_of_bank": SearchOptions(kind="even", starts=32),
}
LEARNED = SearchOptions(preset="fast", learned=True)
IN_TORCH = {"torch_source": SOURCE, "torch_even": SOURCE_EVEN}
OTHERS = ("fast_bfloat16", "fast_conv", "learned", "learned_conv")
SEARCHES = (*PRESETS, *LOST, *OTHERS, *IN_TORCH)
ON_SOURCE = ("fast_conv", "learned_conv", *IN_TORCH)
# For volumes, which are few; chosen on a part of the training chairs
# (docs/decisions/0016-patches-and-varied-proportions.md).
PATCHES = ModelOptions(name="patches", latent=32, channels=(128, 384), hidden=(512,))
VOLUMES = TrainOptions(steps=750, batch_size=64, learning_rate=2e-3, warmup=0, clip=1e9)
DEFORMED = 0.15
CASES = ("mnist_rotation", "mnist_rigid", "mnist_affine", "chairs_rotation", "chairs_rigid")


def main() -> None:
    """Runs the cases and writes the table."""
    flags = _flags()
    accelerators.choose(flags.platform)
    began, cases = time.perf_counter(), {}

    def save(case: str, name: str, row: dict[str, Any]) -> None:
        cases.setdefault(case, {})[name] = row
        print(_line(case, name, row), flush=True)
        if flags.json:
            about = {"device": jax.devices()[0].device_kind, "cores": os.cpu_count()}
            about |= {"machine": machine.machine(), "seconds": time.perf_counter() - began}
            text = json.dumps({"cases": cases, "about": about}, indent=2, allow_nan=False)
            flags.json.write_text(text + "\n")

    if flags.volumes:
        _volumes("volumes", flags.volumes, ["rotation"], flags, save)
        return
    images = [c.removeprefix("mnist_") for c in flags.cases if c.startswith("mnist_")]
    chairs = [c.removeprefix("chairs_") for c in flags.cases if c.startswith("chairs_")]
    if images:
        _images(images, flags, save)
    if chairs:
        file = flags.data / "modelnet10" / "chair_32.npz"
        _volumes("chairs", file, chairs, flags, save)


def _images(families: list[str], flags: argparse.Namespace, save: Callable) -> None:
    objects = digits(flags.data, test=flags.images)
    print(f"digits: {len(objects.train)} to train, {len(objects.test)} held out")
    # The rate at which the numbers of updates were chosen.
    how = TrainOptions(steps=flags.steps or 2000, batch_size=128, learning_rate=1e-3)
    dense = models.train(objects, ModelOptions(), how)
    source = dense
    if not set(ON_SOURCE).isdisjoint(flags.searches):
        how = dataclasses.replace(how, steps=flags.steps or 400, batch_size=64)
        source = models.train(objects, ModelOptions(name="original"), how)
    for group in families:
        case = case_of(dense, objects, models.wrap(dense.model, objects, group))
        same = case_of(source, objects, models.wrap(source.model, objects, group))
        tries = {name: Try(case, options) for name, options in _tried(group).items()}
        tries |= {**_accelerated(case), "fast_conv": Try(same, SearchOptions())}
        if group == "rotation":
            for name, one, visits in (("learned", case, 24_000), ("learned_conv", same, 6_000)):
                if name not in flags.searches:
                    continue
                head = _head(one, objects, visits // (10 if flags.steps else 1))
                tries[name] = Try(one, LEARNED, head)
        _run(f"mnist_{group}", tries, same.first(flags.torch_images), flags.searches, save)


def _volumes(
    prefix: str, file: Path, families: list[str], flags: argparse.Namespace, save: Callable
) -> None:
    objects = volumes(file, test=flags.test_volumes)
    print(f"{prefix}: {len(objects.train)} to train, {len(objects.test)} held out")
    how = dataclasses.replace(VOLUMES, steps=flags.steps or VOLUMES.steps)
    model = models.train(objects, PATCHES, how, deformed=DEFORMED)
    for group in families:
        case = case_of(model, objects, models.wrap(model.model, objects, group))
        # The recipes take seconds an object: fewer of them where it moves as well.
        few = group != "rotation"
        tries = {
            name: Try(case.first(25) if few and name.startswith("source") else case, options)
            for name, options in _tried(group).items()
        }
        count = min(flags.torch_volumes, 8 if few else 10**6)
        tries |= _accelerated(case)
        _run(f"{prefix}_{group}", tries, case.first(count), flags.searches, save)


def _run(
    name: str, tries: dict[str, Try], same: Case, wanted: Sequence[str], save: Callable
) -> None:
    """The wanted searches: in JAX, then the recipes in PyTorch on the case `same`."""
    tries = {row: one for row, one in tries.items() if row in wanted}
    for row, found in searches_in_jax(tries):
        save(name, row, found)
    recipes = {row: options for row, options in IN_TORCH.items() if row in wanted}
    if not recipes or not len(same.observed):
        return
    try:
        import torch
    except ImportError:
        print(f"{name}: PyTorch is not installed (pip install 'avae_jax[benchmark]'), left out")
        return
    device = "cuda" if jax.default_backend() == "gpu" and torch.cuda.is_available() else "cpu"
    for row, options in recipes.items():
        save(name, row, search_in_torch(same, options, device=device))


def _tried(group: str) -> dict[str, SearchOptions]:
    return {**PRESETS, **(LOST if group == "rotation" else {})}


def _accelerated(case: Case) -> dict[str, Try]:
    """Networks in bfloat16, where that is what a chip is made for."""
    if jax.default_backend() == "cpu":
        return {}
    return {"fast_bfloat16": Try(case, PRESETS["fast"], bfloat16=True)}


def _head(case: Case, objects: Objects, visits: int) -> Any:
    print(f"  fitting a pose head to {case.network}, {visits} visits", flush=True)
    return fit_head(
        case.upright.params,
        case.upright.met,
        objects.train,
        avae=case.avae,
        options=resolve(LEARNED, case.avae.group),
        visits=visits,
        seed=SEED,
    ).params


def _line(case: str, name: str, row: dict[str, Any]) -> str:
    numbers = (
        f"loss {row['loss']:8.2f} (true {row['true_loss']:8.2f})  within 20: {row['within_20']:.3f}"
        f"  forwards {row['forward_equivalents']:6.1f}  {row['ms_per_example']:9.4g} ms"
    )
    peak = row["peak_mib"]
    memory = "" if peak is None else f"  {peak:7.1f} MiB"
    return f"{case:16} {name:24} {row['network']:7} n={row['examples']:<4} {numbers}{memory}"


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=command_line.destination, help="where to write the numbers")
    folder = Path(os.environ.get("AVAE_DATA") or "data")
    parser.add_argument("--data", type=Path, default=folder, help="holds mnist/ and modelnet10/")
    parser.add_argument("--volumes", type=Path, help="an npz of volumes: the only case then")
    parser.add_argument("--platform", choices=accelerators.PLATFORMS)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=SEARCHES)
    parser.add_argument(
        "--images", type=command_line.at_least(1), default=500, help="held-out images"
    )
    parser.add_argument(
        "--test-volumes", type=command_line.at_least(1), default=200, help="held-out volumes"
    )
    parser.add_argument("--torch-images", type=command_line.at_least(0), default=128)
    parser.add_argument("--torch-volumes", type=command_line.at_least(0), default=32)
    parser.add_argument(
        "--steps", type=command_line.at_least(1), help="updates of every model, for a quick try"
    )
    return parser.parse_args()


if __name__ == "__main__":
    command_line.run(main)
