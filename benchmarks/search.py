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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from avae_jax.fitting import fit_head
from avae_jax.options import ModelOptions, SearchOptions, TrainOptions
from avae_jax.pose_search import resolve
from benchmarks import upright
from benchmarks.measure import Case, search_in_jax, search_in_torch

SOURCE = SearchOptions(preset="source")
SOURCE_EVEN = SearchOptions(preset="source", kind="even", starts=64, keep=2, steps=10)
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
# For volumes, which are few; chosen on a part of the chairs to train on (docs/plan.md).
PATCHES = ModelOptions(name="patches", latent=32, channels=(128, 384), hidden=(512,))
VOLUMES = TrainOptions(steps=750, batch_size=64, learning_rate=2e-3, warmup=0, clip=1e9)
DEFORMED = 0.15
CASES = ("mnist_rotation", "mnist_rigid", "mnist_affine", "chairs_rotation", "chairs_rigid")


def main() -> None:
    """Runs the cases and writes the table."""
    flags = _flags()
    if flags.platform:
        jax.config.update("jax_platforms", {"gpu": "cuda"}.get(flags.platform, flags.platform))
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
    objects = upright.digits(flags.data, test=flags.images)
    print(f"digits: {len(objects.train)} to train, {len(objects.test)} held out")
    # The rate at which the numbers of updates were chosen.
    how = TrainOptions(steps=flags.steps or 2000, batch_size=128, learning_rate=1e-3)
    dense = upright.train(objects, ModelOptions(), how)
    how = dataclasses.replace(how, steps=flags.steps or 400, batch_size=64)
    source = upright.train(objects, ModelOptions(name="source"), how)
    for group in families:
        case = _case(dense, objects, group)
        same = _case(source, objects, group)
        for name, options in _tried(group).items():
            save(f"mnist_{group}", name, search_in_jax(case, options))
        _accelerated(f"mnist_{group}", case, save)
        save(f"mnist_{group}", "fast_conv", search_in_jax(same, SearchOptions()))
        if group == "rotation":
            for name, one, visits in (("learned", case, 24_000), ("learned_conv", same, 6_000)):
                head = _head(one, objects, visits // (10 if flags.steps else 1))
                save(f"mnist_{group}", name, search_in_jax(one, LEARNED, head))
        _torch(f"mnist_{group}", same, flags.torch_images, save)


def _volumes(
    prefix: str, file: Path, families: list[str], flags: argparse.Namespace, save: Callable
) -> None:
    objects = upright.volumes(file, test=flags.test_volumes)
    print(f"{prefix}: {len(objects.train)} to train, {len(objects.test)} held out")
    how = dataclasses.replace(VOLUMES, steps=flags.steps or VOLUMES.steps)
    model = upright.train(objects, PATCHES, how, deformed=DEFORMED)
    for group in families:
        case = _case(model, objects, group)
        # The recipes take seconds an object: fewer of them where it moves as well.
        few = group != "rotation"
        for name, options in _tried(group).items():
            part = case.first(25) if few and name.startswith("source") else case
            save(f"{prefix}_{group}", name, search_in_jax(part, options))
        _accelerated(f"{prefix}_{group}", case, save)
        _torch(f"{prefix}_{group}", case, min(flags.torch_volumes, 8 if few else 10**6), save)


def _accelerated(name: str, case: Case, save: Callable) -> None:
    """Networks in bfloat16, where that is what a chip is made for."""
    if jax.default_backend() != "cpu":
        save(name, "fast_bfloat16", search_in_jax(case, PRESETS["fast"], bfloat16=True))


def _tried(group: str) -> dict[str, SearchOptions]:
    return {**PRESETS, **(LOST if group == "rotation" else {})}


def _case(model: upright.Upright, objects: upright.Objects, group: str) -> Case:
    avae = upright.wrap(model.model, objects, group)
    return Case(model, avae, *upright.posed(objects, avae))


def _head(case: Case, objects: upright.Objects, visits: int) -> Any:
    print(f"  fitting a pose head to {case.network}, {visits} visits", flush=True)
    return fit_head(
        case.upright.params,
        case.upright.met,
        objects.train,
        avae=case.avae,
        options=resolve(LEARNED, case.avae.group),
        visits=visits,
        seed=upright.SEED,
    ).params


def _torch(name: str, case: Case, count: int, save: Callable) -> None:
    if not count:
        return
    try:
        import torch
    except ImportError:
        print(f"{name}: PyTorch is not installed (pip install 'avae_jax[benchmark]'), left out")
        return
    device = "cuda" if jax.default_backend() == "gpu" and torch.cuda.is_available() else "cpu"
    part = case.first(count)
    save(name, "torch_source", search_in_torch(part, SOURCE, device=device))
    save(name, "torch_even", search_in_torch(part, SOURCE_EVEN, device=device))


def _line(case: str, name: str, row: dict[str, Any]) -> str:
    numbers = (
        f"loss {row['loss']:8.2f} (true {row['true_loss']:8.2f})  within 20: {row['within_20']:.3f}"
        f"  forwards {row['forward_equivalents']:6.1f}  {row['ms_per_example']:8.2f} ms"
    )
    peak = row["peak_mib"]
    memory = "" if peak is None else f"  {peak:7.1f} MiB"
    return f"{case:16} {name:24} {row['network']:7} n={row['examples']:<4} {numbers}{memory}"


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    folder = Path(os.environ.get("AVAE_DATA") or "data")
    parser.add_argument("--data", type=Path, default=folder, help="holds mnist/ and modelnet10/")
    parser.add_argument("--volumes", type=Path, help="an npz of volumes: the only case then")
    parser.add_argument("--platform", choices=("cpu", "gpu", "tpu"))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--images", type=int, default=500, help="held-out images")
    parser.add_argument("--test-volumes", type=int, default=200, help="held-out volumes")
    parser.add_argument("--torch-images", type=int, default=128)
    parser.add_argument("--torch-volumes", type=int, default=32)
    parser.add_argument("--steps", type=int, help="updates of every model, for a quick try")
    return parser.parse_args()


if __name__ == "__main__":
    main()
