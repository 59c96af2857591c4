"""Memory of a search of many volumes from many starts: compiled, not run.

    python -m benchmarks.cost.memory --json memory.json

A batch of 32 volumes of 48^3, dense VAE, rotations; `peak_mib` of the compiled search, its
inputs and the weights included, for few and many starts and steps.
"""

import argparse
import functools
import json

import jax
import jax.numpy as jnp

from avae_jax import models
from avae_jax.config.options import ModelOptions, SearchOptions
from avae_jax.core.compilation import jit
from avae_jax.inference.find_poses import build_bank, find_poses
from avae_jax.inference.problem import example_keys
from avae_jax.inference.proposals.template_bank import REMEMBERED
from avae_jax.inference.search import resolve
from avae_jax.models.affine_model import affine_vae
from avae_jax.transform import family, frame
from benchmarks import command_line
from benchmarks.accelerators import mib

SIDE, BATCH = 48, 32
SEARCHES = {
    "register": SearchOptions(preset="fast", starts=512),
    "register_64_starts": SearchOptions(preset="fast", starts=64),
    "register_32_steps": SearchOptions(preset="fast", starts=512, steps=32),
    "source": SearchOptions(preset="original", starts=512),
    "source_64_starts": SearchOptions(preset="original", starts=64),
    "source_80_steps": SearchOptions(preset="original", starts=512, steps=80),
}


def peak_mib(options: SearchOptions, *, side: int = SIDE, batch: int = BATCH) -> float:
    """Memory of one compiled search of a batch of volumes."""
    shape, group = (side,) * 3, family("rotation", 3)
    model, params = models.build(jax.random.key(0), shape, 1)
    avae = affine_vae(model, frame(shape), jnp.zeros(1), group=group)
    search = resolve(options, group)
    met = jnp.zeros((REMEMBERED, ModelOptions().latent))
    building = functools.partial(build_bank, avae=avae, options=search)
    bank = jax.eval_shape(building, params, met)
    call = jit(functools.partial(find_poses, avae=avae, options=search))
    keys = example_keys(jax.random.key(0), jnp.arange(batch))
    x = jax.ShapeDtypeStruct((batch, *shape, 1), jnp.float32)
    return mib(call.lower(params, keys, x, bank=bank).compile())


def main() -> None:
    """Compiles every search and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=command_line.destination, help="where to write the numbers")
    flags, table = parser.parse_args(), {}
    for name, options in SEARCHES.items():
        table[name] = {"peak_mib": peak_mib(options), "batch": BATCH, "side": SIDE}
        print(f"{name:20} {table[name]['peak_mib']:8.1f} MiB", flush=True)
    if flags.json:
        flags.json.write_text(json.dumps({"memory": table}, indent=2) + "\n")


if __name__ == "__main__":
    command_line.run(main)
