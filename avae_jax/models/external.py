"""Networks outside of JAX, called back from compiled code: values without derivatives."""

import functools
import os
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.core.types import Array, Decode, Encode, Params, PyTree, Shape


def from_numpy_functions(
    encode: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    decode: Callable[[np.ndarray], np.ndarray],
    *,
    shape: Shape,
    latent: int,
) -> tuple[Encode, Decode]:
    """Functions of NumPy batches as the encoder and decoder that `Model.from_functions` wants.

    They take weights and ignore them. They have no derivatives: searches by the methods
    `line`, and `register` without polish, need none. The functions must not call JAX, which
    may wait for itself.

    Args:
      encode: `[n, *S, C] -> (mean [n, Z], log-variance [n, Z])`; n is up to the search.
      decode: `[n, Z] -> [n, *S, C]`.
      shape: `[*S, C]` of one example.
      latent: Z.

    Raises:
      InputError: there is one core alone, on which JAX would wait for itself.
    """
    # JAX runs programs on as many threads as this, and what a callback is given comes by one too.
    if int(os.environ.get("NPROC") or _cores()) < 2:
        raise InputError(
            "from_numpy_functions: one core; set NPROC=2 in the environment before JAX starts"
        )
    code = jax.ShapeDtypeStruct((latent,), jnp.float32)
    drawn = jax.ShapeDtypeStruct(tuple(shape), jnp.float32)

    # Of module level, so that a model can be pickled where its functions can.
    return (
        functools.partial(_called, encode, len(shape), (code, code)),
        functools.partial(_called, decode, 1, drawn),
    )


def _called(function: Callable, rank: int, gives: PyTree, params: Params, x: Array) -> PyTree:
    del params
    return jax.pure_callback(_by_rows(function, rank), gives, x, vmap_method="expand_dims")


on_host = from_numpy_functions  # The earlier name.


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _by_rows(function: Callable, rank: int) -> Callable:
    """`function` of rows `[n, ...]` for one with any leading axes, none included."""

    def called(values: Array) -> tuple[np.ndarray, ...] | np.ndarray:
        given = np.asarray(values, np.float32)
        lead, one = given.shape[: given.ndim - rank], given.shape[given.ndim - rank :]
        rows = function(given.reshape(-1, *one))
        return jax.tree.map(
            lambda leaf: np.asarray(leaf, np.float32).reshape(*lead, *np.shape(leaf)[1:]), rows
        )

    return called
