"""What a train step costs with the search inside it, against that of a plain VAE.

    AVAE_DATA=data python -m benchmarks.train_step --json train_step.json

Steps of one batch of digits (40 x 40, dense VAE), data posed at random; `plain` is the VAE
without any pose. Every search runs in the same program as the update. Times are medians
over steps, by turns, after a first step that compiles and `--updates` further ones: what a pose
head has not learned yet costs starts.
"""

import argparse
import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import data, models, proposals
from avae_jax.bank import REMEMBERED
from avae_jax.compiling import jit
from avae_jax.options import ModelOptions, SearchOptions, TrainOptions
from avae_jax.pose_search import resolve
from avae_jax.train import TrainState, init_state, optimiser, train_step
from benchmarks import upright

SEARCHES = {
    "plain": None,
    "fast": SearchOptions(),
    "learned": SearchOptions(learned=True),
    "thorough": SearchOptions(preset="thorough"),
    "source_even": SearchOptions(preset="source", kind="even", starts=64, keep=2, steps=10),
    "source": SearchOptions(preset="source"),
}


def main() -> None:
    """Times every step and writes the table."""
    flags = _flags()
    if flags.platform:
        jax.config.update("jax_platforms", {"gpu": "cuda"}.get(flags.platform, flags.platform))
    objects = upright.digits(flags.data, test=1)
    steps, states, first = {}, {}, {}
    for name in flags.searches:
        steps[name], states[name] = _prepared(objects, SEARCHES[name])
        began = time.perf_counter()
        states[name] = _run(steps[name], states[name], objects, 0, flags.batch)
        first[name] = time.perf_counter() - began
        for number in range(1, flags.updates + 1):
            states[name] = _run(steps[name], states[name], objects, number, flags.batch)
    seconds = {name: [] for name in flags.searches}
    for number in range(flags.updates + 1, flags.updates + flags.repeats + 1):
        for name in flags.searches:
            began = time.perf_counter()
            states[name] = _run(steps[name], states[name], objects, number, flags.batch)
            seconds[name].append(time.perf_counter() - began)
    table = {}
    for name in flags.searches:
        ms = 1000 * float(np.median(seconds[name]))
        table[name] = {
            "ms_per_step": ms,
            "examples_per_second": 1000 * flags.batch / ms,
            "times_plain": float(np.median(seconds[name]) / np.median(seconds["plain"])),
            "first_step_seconds": first[name],
        }
        print(f"{name:12}", "  ".join(f"{k} {v:.4g}" for k, v in table[name].items()), flush=True)
    if flags.json:
        about = {"device": jax.devices()[0].device_kind, "cores": os.cpu_count()}
        about |= {"batch": flags.batch, "updates": flags.updates}
        flags.json.write_text(json.dumps({"steps": table, "about": about}, indent=2) + "\n")


def _prepared(
    objects: upright.Objects, options: SearchOptions | None
) -> tuple[Callable, TrainState]:
    """The compiled step of a search, and a state to begin with."""
    *sides, channels = objects.train.shape[1:]
    key, model = jax.random.key(upright.SEED), ModelOptions()
    net, params = models.build(key, tuple(sides), channels, options=model)
    avae, tx = upright.wrap(net, objects, "rotation"), optimiser(TrainOptions())
    search = None if options is None else resolve(options, avae.group, training=True)
    head = None if search is None else proposals.init(key, avae=avae, options=search)
    state = init_state(key, params, tx, met=jnp.zeros((REMEMBERED, model.latent)), head=head)
    step = functools.partial(train_step, avae=avae, tx=tx, search=search, pose_data=bool(search))
    return jit(step, searches=search is not None, donate_argnums=0), state


def _run(
    step: Callable, state: TrainState, objects: upright.Objects, number: int, batch: int
) -> TrainState:
    index = data.batch_indices(
        number, batch_size=batch, examples=len(objects.train), seed=upright.SEED
    )
    return jax.block_until_ready(step(state, objects.train[index], index)[0])


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    folder = Path(os.environ.get("AVAE_DATA") or "data")
    parser.add_argument("--data", type=Path, default=folder, help="holds mnist/")
    parser.add_argument("--platform", choices=("cpu", "gpu", "tpu"))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--updates", type=int, default=0, help="updates before any is timed")
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    return parser.parse_args()


if __name__ == "__main__":
    main()
