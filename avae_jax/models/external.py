"""Networks outside of JAX, called from compiled code: values without derivatives."""

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
    """Functions of NumPy batches as encoder and decoder for `Model.from_functions`.

    The results take weights and ignore them. They have no derivatives: the search methods
    `line`, and `register` without polish, need none. The functions must not call JAX, which
    may deadlock.

    Args:
      encode: `[n, *S, C] -> (mean [n, Z], log-variance [n, Z])`; the search chooses n.
      decode: `[n, Z] -> [n, *S, C]`.
      shape: `[*S, C]` of one example.
      latent: Z.

    Raises:
      InputError: there is a single core, on which JAX would deadlock.

    >>> import numpy as np, avae_jax
    >>> encode, decode = avae_jax.from_numpy_functions(
    ...     lambda x: (x.mean((1, 2)), 0 * x.mean((1, 2))),
    ...     lambda z: np.broadcast_to(z[:, None, None], (len(z), 8, 8, 1)),
    ...     shape=(8, 8, 1),
    ...     latent=1,
    ... )
    >>> decode({}, np.ones(1, np.float32)).shape
    (8, 8, 1)
    """
    # JAX runs programs on this many threads, and one of them delivers the arguments of a callback.
    if int(os.environ.get("NPROC") or _cores()) < 2:
        raise InputError(
            "from_numpy_functions: one core; set NPROC=2 in the environment before JAX starts"
        )
    code = jax.ShapeDtypeStruct((latent,), jnp.float32)
    drawn = jax.ShapeDtypeStruct(tuple(shape), jnp.float32)

    # A class at module level, so that a model can be pickled if its functions can.
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
    """`function` of rows `[n, ...]`, extended to any number of leading axes."""

    def called(values: Array) -> tuple[np.ndarray, ...] | np.ndarray:
        given = np.asarray(values, np.float32)
        lead, one = given.shape[: given.ndim - rank], given.shape[given.ndim - rank :]
        rows = function(given.reshape(-1, *one))
        return jax.tree.map(
            lambda leaf: np.asarray(leaf, np.float32).reshape(*lead, *np.shape(leaf)[1:]), rows
        )

    return called
