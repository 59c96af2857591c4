"""What a train step costs with the search inside it, against that of a plain VAE.

    AVAE_DATA=data python -m benchmarks.cost.train_step --json train_step.json

Steps of one batch of digits (40 x 40, dense VAE), data posed at random; `plain` is the VAE
without any pose. Every search runs in the same program as the update. Times are medians
over steps, by turns, after a first step and `--updates` further ones: what a pose head has not
learned yet costs starts. `first_step_seconds` hold its compilation; on accelerators, where
networks compute in bfloat16 too, all programs are compiled side by side, which takes each
longer. `share_of_peak` counts the operations that `avae_jax.training.aot.plan.counted` counts; it
is left out where a pose head decides how much is searched.
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
from avae_jax.training.state import TrainState, init_state
from avae_jax.training.step import train_step
from benchmarks import accelerators, command_line
from benchmarks.data import SEED, Objects, digits
from benchmarks.search.models import wrap

SEARCHES = {
    "plain": None,
    "fast": SearchOptions(),
    "learned": SearchOptions(learned=True),
    "thorough": SearchOptions(preset="thorough"),
    "source_even": SearchOptions(preset="original", kind="even", starts=64, keep=2, steps=10),
    "source": SearchOptions(preset="original"),
}


def main() -> None:
    """Times every step and writes the table."""
    flags = _flags()
    accelerators.choose(flags.platform)
    objects = digits(flags.data, test=1)
    accelerated = jax.default_backend() != "cpu"
    dtypes = ("float32", "bfloat16") if accelerated else ("float32",)
    ready = {
        name if dtype == "float32" else f"{name}_{dtype}": _ready(objects, name, dtype, flags.batch)
        for dtype in dtypes
        for name in flags.searches
    }
    with ThreadPoolExecutor(os.cpu_count() if accelerated else 1) as pool:
        programs = dict(zip(ready, pool.map(_compiled, ready.values()), strict=True))
    states, first, seconds = {}, {}, {name: [] for name in ready}
    for name, (program, spent) in programs.items():
        began = time.perf_counter()
        states[name] = _run(program, ready[name].state, objects, 0, flags.batch)
        first[name] = ready[name].seconds + spent + time.perf_counter() - began
        for number in range(1, flags.updates + 1):
            states[name] = _run(program, states[name], objects, number, flags.batch)
    for number in range(flags.updates + 1, flags.updates + flags.repeats + 1):
        for name, (program, _) in programs.items():
            began = time.perf_counter()
            states[name] = _run(program, states[name], objects, number, flags.batch)
            seconds[name].append(time.perf_counter() - began)
    table = {}
    for name, (program, _) in programs.items():
        took, plain = float(np.median(seconds[name])), float(np.median(seconds["plain"]))
        table[name] = {
            "ms_per_step": 1000 * took,
            "examples_per_second": flags.batch / took,
            "times_plain": took / plain,
            "first_step_seconds": first[name],
            "peak_mib": accelerators.mib(program),
            **_share(ready[name], flags.batch / took),
        }
        print(f"{name:20}", "  ".join(f"{k} {v:.4g}" for k, v in table[name].items()), flush=True)
    if flags.json:
        about = {"device": jax.devices()[0].device_kind, "cores": os.cpu_count()}
        about |= {"batch": flags.batch, "updates": flags.updates}
        flags.json.write_text(json.dumps({"steps": table, "about": about}, indent=2) + "\n")


class Ready(NamedTuple):
    """A step before it is compiled, and what it begins with.

    Attributes:
      seconds: that tracing and lowering took.
      operations: of one example; `None` where a pose head decides.
    """

    lowered: Any
    state: TrainState
    seconds: float
    operations: float | None
    dtype: str


def _ready(objects: Objects, name: str, dtype: str, batch: int) -> Ready:
    *sides, channels = objects.train.shape[1:]
    key, model = jax.random.key(SEED), ModelOptions(dtype=dtype)
    net, params = models.build(key, tuple(sides), channels, options=model)
    avae, tx = wrap(net, objects, "rotation"), optimiser(TrainOptions())
    options = SEARCHES[name]
    search = None if options is None else resolve(options, avae.group, training=True)
    head = None if search is None else head_training.init(key, avae=avae, options=search)
    met = jnp.zeros((REMEMBERED, model.latent))
    state = init_state(key, params, tx, met=met, head=head)
    step = functools.partial(train_step, avae=avae, tx=tx, search=search, pose_data=bool(search))
    call = jit(step, searches=search is not None, donate_argnums=0)
    spent, began = None, time.perf_counter()
    lowered = call.lower(state, *_rows(objects, 0, batch))
    seconds = time.perf_counter() - began
    if not (search and search.learned):
        spent = counted(params, met, objects.train[0], avae=avae, search=search)
    return Ready(lowered, state, seconds, spent, dtype)


def _compiled(ready: Ready) -> tuple[Any, float]:
    """The program, and the seconds it took."""
    began = time.perf_counter()
    return ready.lowered.compile(), time.perf_counter() - began


def _share(ready: Ready, examples_per_second: float) -> dict[str, float]:
    if ready.operations is None:
        return {}
    return accelerators.share_of_peak(ready.operations * examples_per_second, dtype=ready.dtype)


def _run(program: Any, state: TrainState, objects: Objects, number: int, batch: int) -> TrainState:
    return jax.block_until_ready(program(state, *_rows(objects, number, batch))[0])


def _rows(objects: Objects, number: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
    index = data.batch_indices(number, batch_size=batch, examples=len(objects.train), seed=SEED)
    return objects.train[index], index


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=command_line.destination, help="where to write the numbers")
    folder = Path(os.environ.get("AVAE_DATA") or "data")
    parser.add_argument("--data", type=Path, default=folder, help="holds mnist/")
    parser.add_argument("--platform", choices=accelerators.PLATFORMS)
    parser.add_argument("--batch", type=command_line.at_least(1), default=128)
    parser.add_argument("--repeats", type=command_line.at_least(1), default=15)
    parser.add_argument(
        "--updates", type=command_line.at_least(0), default=0, help="updates before any is timed"
    )
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    return parser.parse_args()


if __name__ == "__main__":
    command_line.run(main)
