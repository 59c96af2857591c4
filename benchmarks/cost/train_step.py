"""What a train step costs with the search inside it, against that of a plain VAE.

    AVAE_DATA=data python -m benchmarks.cost.train_step --json train_step.json

Steps of one batch of digits (40 x 40, dense VAE), data posed at random; `plain` is the VAE
without any pose, and in `kept` each of 2,048 digits keeps one random pose, which is remembered.
Every search runs in the same program as the update. Times are means over steps, by turns, as a
search of all starts comes at some of them only, after a first step and `--updates` further ones:
what a pose head has not learned yet costs starts. `times_plain_cpu` compares seconds of all
cores, which other jobs on the machine disturb less. `first_step_seconds` hold its compilation;
on accelerators, where networks compute in bfloat16 too, all programs are compiled side by side,
which takes each longer. `share_of_peak` counts the operations that
`avae_jax.training.aot.plan.counted` counts; it is left out where a pose head or the table of
poses decides how much is searched.
"""

import argparse
import functools
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import data, models
from avae_jax.config.options import ModelOptions, SearchOptions, TrainOptions
from avae_jax.core.compilation import jit
from avae_jax.inference.proposals import head_training
from avae_jax.inference.proposals.template_bank import REMEMBERED
from avae_jax.inference.search import resolve
from avae_jax.training.aot.plan import counted
from avae_jax.training.optimiser import optimiser
from avae_jax.training.remembered import never_visited
from avae_jax.training.state import TrainState, init_state
from avae_jax.training.step import train_step
from benchmarks import accelerators, command_line
from benchmarks.data import SEED, Objects, digits
from benchmarks.search.models import posed, wrap

SEARCHES = {
    "plain": None,
    "fast": SearchOptions(),
    "kept": SearchOptions(every=16),
    "learned": SearchOptions(learned=True),
    "thorough": SearchOptions(preset="thorough"),
    "source_even": SearchOptions(preset="original", kind="even", starts=64, keep=2, steps=10),
    "source": SearchOptions(preset="original"),
}


# Examples that keep their poses, all of which are visited before any step is timed.
KEPT = 2048


def main() -> None:
    """Times every step and writes the table."""
    flags = _flags()
    accelerators.choose(flags.platform)
    objects = _objects(flags)
    accelerated = jax.default_backend() != "cpu"
    dtypes = ("float32", "bfloat16") if accelerated else ("float32",)
    ready = {
        name if dtype == "float32" else f"{name}_{dtype}": _ready(objects, name, dtype, flags)
        for dtype in dtypes
        for name in flags.searches
    }
    with ThreadPoolExecutor(os.cpu_count() if accelerated else 1) as pool:
        programs = dict(zip(ready, pool.map(_compiled, ready.values()), strict=True))
    first, seconds = _timed(programs, ready, flags)
    table = {}
    for name, (program, _) in programs.items():
        took, cores = np.mean(seconds[name], 0).tolist()
        plain, plain_cores = np.mean(seconds["plain"], 0).tolist()
        table[name] = {
            "ms_per_step": 1000 * took,
            "cpu_ms_per_step": 1000 * cores,
            "examples_per_second": flags.batch / took,
            "times_plain": took / plain,
            "times_plain_cpu": cores / plain_cores,
            "first_step_seconds": first[name],
            "peak_mib": accelerators.mib(program),
            **_share(ready[name], flags.batch / took),
        }
        print(f"{name:20}", "  ".join(f"{k} {v:.4g}" for k, v in table[name].items()), flush=True)
    if flags.json:
        about = {"device": jax.devices()[0].device_kind, "cores": os.cpu_count()}
        about |= {name: getattr(flags, name) for name in ("batch", "updates", "repeats")}
        about |= {name: getattr(flags, name) for name in ("family", "size", "noise")}
        flags.json.write_text(json.dumps({"steps": table, "about": about}, indent=2) + "\n")


def _timed(
    programs: dict[str, tuple[Any, float]], ready: dict[str, "Ready"], flags: argparse.Namespace
) -> tuple[dict[str, float], dict[str, list[np.ndarray]]]:
    """Seconds of the first step of each program, and of each later one by the clock and of CPUs."""
    states, first, seconds = {}, {}, {name: [] for name in ready}

    def run(name: str, number: int) -> None:
        rows = _rows(ready[name].examples, flags.batch, number)
        states[name] = jax.block_until_ready(programs[name][0](states[name], *rows)[0])

    for name, (_, spent) in programs.items():
        states[name], began = ready[name].state, time.perf_counter()
        run(name, 0)
        first[name] = ready[name].seconds + spent + time.perf_counter() - began
        for number in range(1, flags.updates + 1):
            run(name, number)
    for number in range(flags.updates + 1, flags.updates + flags.repeats + 1):
        for name in programs:
            began = np.array([time.perf_counter(), time.process_time()])
            run(name, number)
            seconds[name].append([time.perf_counter(), time.process_time()] - began)
    return first, seconds


class Ready(NamedTuple):
    """A step before it is compiled, and what it begins with.

    Attributes:
      examples: of which batches are drawn.
      seconds: that tracing and lowering took.
      operations: of one example; `None` where a pose head decides.
    """

    lowered: Any
    state: TrainState
    examples: np.ndarray
    seconds: float
    operations: float | None
    dtype: str


def _objects(flags: argparse.Namespace) -> Objects:
    """Digits in a frame of `--size`, with `--noise`."""
    objects = digits(flags.data, test=1, size=flags.size)
    if not flags.noise:
        return objects
    noise = np.random.default_rng(SEED).normal(0, flags.noise, objects.train.shape)
    return objects._replace(train=(objects.train + noise).astype(np.float32))


def _ready(objects: Objects, name: str, dtype: str, flags: argparse.Namespace) -> Ready:
    *sides, channels = objects.train.shape[1:]
    key, model = jax.random.key(SEED), ModelOptions(dtype=dtype)
    net, params = models.build(key, tuple(sides), channels, options=model)
    avae, tx = wrap(net, objects, flags.family), optimiser(TrainOptions())
    if flags.noise:
        avae = avae._replace(likelihood="gaussian")
    options, examples, visited = SEARCHES[name], objects.train, None
    search = None if options is None else resolve(options, avae.group, training=True)
    head = None if search is None else head_training.init(key, avae=avae, options=search)
    if options is not None and options.every > 1:
        examples, _ = posed(objects._replace(test=examples[:KEPT]), avae)
        visited = never_visited(len(examples), avae.group.d)
    met = jnp.zeros((REMEMBERED, model.latent))
    state = init_state(key, params, tx, met=met, head=head, visited=visited)
    moves = search is not None and visited is None
    step = functools.partial(train_step, avae=avae, tx=tx, search=search, pose_data=moves)
    call = jit(step, searches=search is not None, donate_argnums=0)
    spent, began = None, time.perf_counter()
    lowered = call.lower(state, *_rows(examples, flags.batch, 0))
    seconds = time.perf_counter() - began
    if not (search and (search.learned or visited is not None)):
        spent = counted(params, met, objects.train[0], avae=avae, search=search)
    return Ready(lowered, state, examples, seconds, spent, dtype)


def _compiled(ready: Ready) -> tuple[Any, float]:
    """The program, and the seconds it took."""
    began = time.perf_counter()
    return ready.lowered.compile(), time.perf_counter() - began


def _share(ready: Ready, examples_per_second: float) -> dict[str, float]:
    if ready.operations is None:
        return {}
    return accelerators.share_of_peak(ready.operations * examples_per_second, dtype=ready.dtype)


def _rows(examples: np.ndarray, batch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    index = data.batch_indices(number, batch_size=batch, examples=len(examples), seed=SEED)
    return examples[index], index


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=command_line.destination, help="where to write the numbers")
    folder = Path(os.environ.get("AVAE_DATA") or "data")
    parser.add_argument("--data", type=Path, default=folder, help="holds mnist/")
    parser.add_argument("--platform", choices=accelerators.PLATFORMS)
    parser.add_argument("--batch", type=command_line.at_least(1), default=128)
    parser.add_argument("--repeats", type=command_line.at_least(1), default=32)
    parser.add_argument("--family", default="rotation")
    parser.add_argument("--size", type=command_line.at_least(28), default=40, help="pixels a side")
    parser.add_argument("--noise", type=float, default=0.0, help="deviation; pixels are Gaussian")
    parser.add_argument(
        "--updates", type=command_line.at_least(0), default=0, help="updates before any is timed"
    )
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    return parser.parse_args()


if __name__ == "__main__":
    command_line.run(main)
