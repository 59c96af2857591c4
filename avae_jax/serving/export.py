"""The search as one portable program: StableHLO, run by JAX without this package."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

import jax
import jax.export
import jax.numpy as jnp

from avae_jax.core.atomic_files import fresh, require_new
from avae_jax.core.errors import InputError
from avae_jax.core.platforms import portable
from avae_jax.core.types import Array
from avae_jax.inference import batch as evaluate
from avae_jax.inference.problem import bounded
from avae_jax.inference.trained import Trained
from avae_jax.serving.posed import Posed

PLATFORMS = ("cpu", "cuda", "tpu")
# Of the program's results; 1 had the key `canonical`.
FORMAT = 2

Serve = Callable[[Array, Array], dict[str, Array]]


def export(
    posed: Posed,
    file: str | os.PathLike,
    *,
    batch: int | None = None,
    platforms: tuple[str, ...] = PLATFORMS,
) -> None:
    """Writes the search of `posed`, its weights inside, as a program that JAX alone can run.

    The program takes `x: float32 [n, *S, C]` and returns a dict of arrays with leading
    axis n: `pose` and `loss` of the search, `canonical_input` (the example carried
    to the canonical pose), `canonical_object` (what the model decodes there), `reconstruction`
    (that object in the pose of the example) and the code `mu: [Z]`.

        program = jax.export.deserialize(bytearray(open(file, "rb").read()))
        found = program.call(x)

    `program.fun_name` ends in the version of this format.

    Args:
      batch: how many examples n the program takes; `None` takes any number, worked as many
        at once as by `posed`, the last of them filled up. Each n is compiled when it comes first.
      platforms: on which it shall run, of `cpu`, `cuda`, `rocm` and `tpu`.

    Raises:
      InputError: `file` exists or cannot be written, a platform is not known, or the model
        runs outside of JAX.

    >>> import os, tempfile, avae_jax
    >>> file = os.path.join(tempfile.mkdtemp(), "digits.stablehlo")
    >>> avae_jax.export(avae_jax.pretrained("digits"), file, batch=2, platforms=("cpu",))
    >>> os.path.getsize(file) > 1_000_000
    True
    """
    path, trained = Path(file), posed.trained
    require_new(path)
    avae = trained.avae
    # In chunks that suit all: those of a CPU where it may run there.
    suited = bounded(trained.search, avae, platform="cpu" if "cpu" in platforms else "gpu")
    serve = functools.partial(_serve, trained=trained._replace(search=suited))
    if batch is None:
        serve = functools.partial(_in_batches, serve=serve, size=posed.batch)
    (size,) = jax.export.symbolic_shape("n") if batch is None else (batch,)
    x = jax.ShapeDtypeStruct((size, *avae.inner.shape, len(avae.fill)), jnp.float32)
    try:
        whole = jax.jit(_named(serve))
        with portable():
            program = jax.export.export(whole, platforms=platforms)(x).serialize()
    except (ValueError, NotImplementedError) as error:
        # What JAX says of callbacks, which no file can hold, and of platforms it does not know.
        reason = str(error).strip().splitlines()[0]
        names = ", ".join(platforms)
        raise InputError(f"{path}: cannot be exported for {names}, {reason}") from error
    with fresh(path) as out:
        out.write(program)


def _named(serve: Serve) -> Callable[[Array], dict[str, Array]]:
    """The program of `serve`, whose `fun_name` tells its format."""

    def program(x: Array) -> dict[str, Array]:
        return serve(x, jnp.arange(x.shape[0]))

    program.__name__ = f"avae_jax_search_{FORMAT}"
    return program


def _in_batches(x: Array, index: Array, *, serve: Serve, size: int) -> dict[str, Array]:
    """`serve` of any number of examples, also one that is known later, `size` at a time."""
    count, parts = x.shape[0], (x.shape[0] + size - 1) // size

    def cut(rows: Array) -> Array:
        more = jnp.broadcast_to(rows[:1], (parts * size - count, *rows.shape[1:]))
        return jnp.concatenate([rows, more]).reshape(parts, size, *rows.shape[1:])

    served = jax.lax.map(lambda part: serve(*part), (cut(x), cut(index)))
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], served)


def _serve(x: Array, index: Array, *, trained: Trained) -> dict[str, Array]:
    """What the program computes for `x: [n, *S, C]`, as `Posed.find` and `Posed.views`."""
    params, avae, search, bank, _ = trained
    key = jax.random.key(0)
    found = evaluate.search_batch(params, key, x, index, bank, avae=avae, search=search)
    views = evaluate.views(params, x, found.pose, avae=avae)
    return {
        "pose": found.pose,
        "loss": found.loss,
        "canonical_input": views.canonical_input,
        "canonical_object": views.canonical,
        "reconstruction": views.reconstruction,
        "mu": views.mu,
    }
