"""What the parts of a train step cost: the floor of a search, in operations, bytes and time.

    AVAE_DATA=data python -m benchmarks.cost.step_parts --json step_parts.json

Every part is a program of its own, for a batch of digits (40 x 40, dense VAE, untrained). Seconds
are those of all cores. Operations are the compiler's counts before it optimises, bytes those of
the arguments and results of the part, which is what it must move at least.
"""

import argparse
import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from avae_jax import models
from avae_jax.config.options import ModelOptions, SearchOptions, TrainOptions
from avae_jax.core.compilation import jit
from avae_jax.core.types import Array, Params
from avae_jax.inference.find_poses import begin_at, build_bank
from avae_jax.inference.flops import operations
from avae_jax.inference.problem import prepare, problem
from avae_jax.inference.proposals.template_bank import REMEMBERED
from avae_jax.inference.search import gauss_newton, resolve
from avae_jax.models.affine_model import AVAE
from avae_jax.models.likelihoods import LIKELIHOODS
from avae_jax.models.objective import canonicalise, elbo, to_observation
from avae_jax.training.optimiser import optimiser
from avae_jax.transform.matrices import identity
from benchmarks import command_line
from benchmarks.data import SEED, digits
from benchmarks.search.models import posed, wrap


def main() -> None:
    """Measures every part and prints the table."""
    flags = _flags()
    objects = digits(flags.data, test=flags.batch)
    *sides, channels = objects.train.shape[1:]
    net, params = models.build(jax.random.key(SEED), tuple(sides), channels, options=ModelOptions())
    avae = wrap(net, objects, flags.family)
    x, applied = posed(objects, avae)
    table = {}
    for name, (function, arguments) in _parts(params, jnp.asarray(x), applied, avae=avae).items():
        table[name] = _measured(function, arguments, flags.repeats)
        print(f"{name:40}", "  ".join(f"{k} {v:.4g}" for k, v in table[name].items()), flush=True)
    if flags.json:
        about = {"device": jax.devices()[0].device_kind, "cores": os.cpu_count()}
        about |= {"batch": flags.batch, "family": flags.family}
        flags.json.write_text(json.dumps({"parts": table, "about": about}, indent=2) + "\n")


def _parts(
    params: Params, x: Array, applied: np.ndarray, *, avae: AVAE
) -> dict[str, tuple[Callable, tuple[Any, ...]]]:
    """Functions of a batch by their names, with their arguments."""
    poses = jnp.linalg.inv(applied)
    keys = jax.random.split(jax.random.key(SEED), len(x))
    search = resolve(SearchOptions(), avae.group, training=True)
    build = functools.partial(build_bank, avae=avae, options=search)
    met = jax.random.normal(keys[0], (REMEMBERED, ModelOptions().latent))
    bank = jax.jit(build)(params, met)
    codes = met[: len(x)]
    likelihood = LIKELIHOODS[avae.likelihood]
    drawn = jax.vmap(functools.partial(avae.model.decode, params))(codes)

    def begin(key: Any, one: Array, bank: Any) -> Any:
        return begin_at(key, one, bank, avae=avae, options=search)

    def seen(one: Array, key: Any) -> Any:
        return prepare(one, avae=avae, noise=key)

    def value(params: Params, one: Array, key: Any, pose: Array) -> Array:
        return problem(params, avae).value(seen(one, key), pose)

    def linearise(params: Params, one: Array, key: Any, pose: Array, *, held: bool) -> Any:
        task = problem(params, avae)
        return gauss_newton.linearise(task, seen(one, key), pose, held=held)

    def each(function: Callable, *axes: int | None) -> Callable:
        return jax.vmap(function, axes or 0)

    update, state = _update(params, avae=avae)
    carry = functools.partial(canonicalise, avae=avae)
    per_example = (None, 0, 0, 0)
    known, encode, decode = (params, x, keys, poses), avae.model.encode, avae.model.decode
    return {
        "carry to the canonical frame": (
            each(carry),
            (x, poses),
        ),
        "encode": (each(encode, None, 0), (params, x)),
        "decode": (each(decode, None, 0), (params, codes)),
        "carry back": (each(functools.partial(to_observation, avae=avae)), (drawn, poses)),
        "likelihood": (each(lambda a, b: likelihood.nll(a, b, None)), (x, drawn)),
        "the loss at a pose": (each(value, *per_example), known),
        "registration, one step": (
            each(functools.partial(linearise, held=True), *per_example),
            known,
        ),
        "all derivatives": (each(functools.partial(linearise, held=False), *per_example), known),
        "the bank": (build, (params, met)),
        "ranking all its poses": (each(begin, 0, 0, None), (keys, x, bank)),
        "update of the weights at given poses": (update, (params, state, *known[1:])),
        "update of a plain VAE": (
            update,
            (params, state, x, keys, jnp.tile(identity(avae.group.d), (len(x), 1, 1))),
        ),
    }


def _update(params: Params, *, avae: AVAE) -> tuple[Callable, Any]:
    """`(params, state, x, keys, poses) -> (params, state)`, and the first state."""
    tx = optimiser(TrainOptions())

    def update(params: Params, state: Any, x: Array, keys: Any, poses: Array) -> Any:
        def loss(params: Params) -> Array:
            each = jax.vmap(lambda k, v, p: elbo(params, k, v, p, avae=avae))
            terms = jax.tree.map(jnp.mean, each(keys, x, poses))
            return terms.nll + terms.kl

        updates, state = tx.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, updates), state

    return update, tx.init(params)


def _measured(function: Callable, arguments: tuple[Any, ...], repeats: int) -> dict[str, float]:
    """CPU milliseconds of a call, its operations and the bytes that it must move."""
    compiled = jit(function)
    result = jax.block_until_ready(compiled(*arguments))
    began = time.process_time()
    for _ in range(repeats):
        jax.block_until_ready(compiled(*arguments))
    spent = (time.process_time() - began) / repeats
    moved = sum(leaf.nbytes for leaf in jax.tree.leaves((arguments, result)))
    counted = operations(function, *arguments)
    return {"cpu_ms": 1000 * spent, "operations": counted, "bytes": moved}


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=command_line.destination, help="where to write the numbers")
    folder = Path(os.environ.get("AVAE_DATA") or "data")
    parser.add_argument("--data", type=Path, default=folder, help="holds mnist/")
    parser.add_argument("--family", default="rotation")
    parser.add_argument("--batch", type=command_line.at_least(1), default=128)
    parser.add_argument("--repeats", type=command_line.at_least(1), default=20)
    return parser.parse_args()


if __name__ == "__main__":
    command_line.run(main)
