"""The search as one portable program: StableHLO, run by JAX without this package."""

import functools
import os
from pathlib import Path

import jax
import jax.export
import jax.numpy as jnp

from avae_jax import evaluate
from avae_jax.atomic import fresh, require_new
from avae_jax.errors import InputError
from avae_jax.posed_vae import Posed
from avae_jax.posing import bounded
from avae_jax.restore import Trained
from avae_jax.types import Array

PLATFORMS = ("cpu", "cuda", "tpu")


def export(
    posed: Posed,
    file: str | os.PathLike,
    *,
    batch: int | None = None,
    platforms: tuple[str, ...] = PLATFORMS,
) -> None:
    """Writes the search of `posed`, its weights inside, as a program that JAX alone can run.

    The program takes `x: float32 [batch, *S, C]` and returns a dict of arrays with leading
    axis `batch`: `pose` and `loss` of the search, `canonical` (the example carried to the
    canonical pose), `reconstruction`, and the code `mu: [Z]`.

        program = jax.export.deserialize(bytearray(open(file, "rb").read()))
        found = program.call(x)

    Args:
      batch: how many examples the program takes at once; `None` is that of `posed`.
      platforms: on which it shall run, of `cpu`, `cuda`, `rocm` and `tpu`.

    Raises:
      InputError: `file` exists or cannot be written, a platform is not known, or the model
        runs outside of JAX.
    """
    path, trained = Path(file), posed.trained
    require_new(path)
    avae = trained.avae
    # In chunks that suit all: those of a CPU where it may run there.
    suited = bounded(trained.search, avae, platform="cpu" if "cpu" in platforms else "gpu")
    serve = functools.partial(_serve, trained=trained._replace(search=suited))
    size = posed.batch if batch is None else batch
    x = jax.ShapeDtypeStruct((size, *avae.inner.shape, len(avae.fill)), jnp.float32)
    try:
        program = jax.export.export(jax.jit(serve), platforms=platforms)(x).serialize()
    except (ValueError, NotImplementedError) as error:
        # What JAX says of callbacks, which no file can hold, and of platforms it does not know.
        reason = str(error).strip().splitlines()[0]
        names = ", ".join(platforms)
        raise InputError(f"{path}: cannot be exported for {names}, {reason}") from error
    with fresh(path) as out:
        out.write(program)


def _serve(x: Array, *, trained: Trained) -> dict[str, Array]:
    """What the program computes for `x: [batch, *S, C]`, as `Posed.find` and `Posed.views`."""
    params, avae, search, bank, _ = trained
    index, key = jnp.arange(len(x)), jax.random.key(0)
    found = evaluate.search_batch(params, key, x, index, bank, avae=avae, search=search)
    views = evaluate.views(params, x, found.pose, avae=avae)
    return {
        "pose": found.pose,
        "loss": found.loss,
        "canonical": views.canonical_input,
        "reconstruction": views.reconstruction,
        "mu": views.mu,
    }
