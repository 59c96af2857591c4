"""Placement of arrays: one program for one device, many devices and many hosts.

All devices of all hosts form a line, the axis `data`. Examples are split along it;
the train state is replicated. With fewer examples than devices, groups of devices
form the line, and the devices of a group (axis `starts`) share an example. Functions are written
for one device; `core.collectives` exchanges results.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

from avae_jax.core import compilation
from avae_jax.core.collectives import AXES, DATA
from avae_jax.core.errors import DistributedError, InputError
from avae_jax.core.types import Array, PyTree

WHOLE, SPLIT = PartitionSpec(), PartitionSpec(DATA)
STATUS = re.compile(r"(UNKNOWN|INTERNAL|UNAVAILABLE|DEADLINE_EXCEEDED|ABORTED|CANCELLED): ")
# Heartbeat timeout after which a host counts as failed.
HEARTBEAT_SECONDS = 40


def join(*, coordinator: str | None, processes: int | None, process: int | None) -> None:
    """Connects this process to the others; called before JAX looks for devices.

    Args:
      coordinator: HOST:PORT of process 0.
      processes: number of processes.
      process: index of this one, from 0. `None` takes a value from the cluster.

    Raises:
      DistributedError: they do not connect. Each alone would train a separate copy.
    """
    try:
        jax.distributed.initialize(
            coordinator, processes, process, heartbeat_timeout_seconds=HEARTBEAT_SECONDS
        )
    except Exception as error:  # each kind of cluster raises its own exceptions
        raise DistributedError(
            f"--multihost: the processes did not come together, {_reason(error)}; wanted "
            "--coordinator HOST:PORT, --processes N and --process K, or a cluster that sets them"
        ) from error


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Context that turns a failure of shared work into a `DistributedError`."""
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError, TimeoutError) as error:
        if not broke_off(error):
            raise
        raise DistributedError(
            f"--multihost: the work of the processes broke off, {_reason(error)}; if one has "
            "stopped, start all again: the same command continues from the last checkpoint"
        ) from error


def broke_off(error: Exception) -> bool:
    """Whether `error` is an error of the runtime about shared work."""
    # JAX has two kinds for that, which begin with a status. Orbax waits for the other processes
    # before it ends a checkpoint; a time-out of the file system has a number.
    reported = isinstance(error, jax.errors.JaxRuntimeError) or STATUS.match(str(error))
    waited = isinstance(error, TimeoutError) and error.errno is None
    return bool(reported or waited) and jax.distributed.is_initialized()


def _reason(error: Exception) -> str:
    """The first line of an error message."""
    text = str(error).strip() or repr(error)
    return text.splitlines()[0].rstrip(".")


def leads() -> bool:
    """Whether this is the process that writes and prints."""
    return jax.process_index() == 0


@functools.cache
def mesh(sharers: int = 1) -> Mesh:
    """All devices of all hosts in a line; groups of `sharers` neighbours share examples."""
    line = jax.make_mesh((jax.device_count(),), (DATA,), (AxisType.Auto,))
    return grid(line.devices, sharers)


def grid(devices: np.ndarray, sharers: int) -> Mesh:
    """A mesh of devices in a line; groups of `sharers` neighbours share examples."""
    return Mesh(devices.reshape(-1, sharers), AXES, axis_types=(AxisType.Auto,) * len(AXES))


def replicated(tree: PyTree, *, sharers: int = 1) -> PyTree:
    """A copy of process 0's `tree` on every device of `mesh(sharers)`."""
    keys = jax.tree.map(_is_key, tree)
    plain = jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, tree)
    host = multihost_utils.broadcast_one_to_all(jax.device_get(plain))
    placed = jax.tree.map(lambda leaf: _placed(leaf, mesh(sharers)), host)
    return jax.tree.map(
        lambda leaf, key: jax.random.wrap_key_data(leaf) if key else leaf, placed, keys
    )


def replicated_shapes(tree: PyTree) -> PyTree:
    """Shapes and types of `tree` as what `replicated` places, for reading into."""
    place = NamedSharding(mesh(), WHOLE)
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place), tree
    )


def agreed(number: int) -> int:
    """Process 0's `number`; every process must call this."""
    return int(multihost_utils.broadcast_one_to_all(np.int32(number)))


def meet() -> None:
    """Barrier: returns when every process has called this."""
    multihost_utils.sync_global_devices("meet")


def local(tree: PyTree) -> PyTree:
    """A copy of a replicated `tree` on the first device of this process only."""
    return jax.device_put(jax.device_get(tree), jax.local_devices()[0])


def split(rows: np.ndarray, index: np.ndarray | None = None, *, sharers: int = 1) -> Array:
    """`rows[index]`, an equal part on every device; a host reads only its own parts.

    Args:
      sharers: devices that have the same part.
    """
    shape = rows.shape if index is None else (len(index), *rows.shape[1:])
    chosen = np.arange(len(rows)) if index is None else index
    return jax.make_array_from_callback(
        shape,
        NamedSharding(mesh(sharers), SPLIT),
        lambda part: rows[chosen[part[0]]],  # type: ignore[index]
    )


def whole_parts(size: int) -> int:
    """The smallest number of rows, at least `size`, that the devices share evenly."""
    return -(-size // mesh().size) * mesh().size


def sharers(batch: int, devices: int | None = None) -> int:
    """Number of devices that share each example of a batch: 1 unless devices exceed examples.

    Args:
      devices: number of devices, all if `None`.

    Raises:
      InputError: they cannot share the batch evenly.
    """
    count = jax.device_count() if devices is None else devices
    if batch % count and count % batch:
        raise InputError(
            f"train.batch_size={batch}: wanted a multiple of the {count} devices, or a divisor "
            "where they are more than examples"
        )
    return max(1, count // batch)


def step(function: Callable, *, searches: bool, sharers: int = 1) -> Callable:
    """Compiles `function(state, *rows, axes=...) -> (state, metrics)`; the state is donated.

    Args:
      function: gets its part of the rows and the names of the mesh axes.
      searches: see `compilation.jit`.
      sharers: devices that have the same part.
    """
    whole = NamedSharding(mesh(sharers), WHOLE)
    shared = shared_step(function, mesh(sharers))
    return compilation.jit(shared, searches=searches, donate_argnums=0, out_shardings=whole)


def shared_step(function: Callable, mesh: Mesh | AbstractMesh) -> Callable:
    """The function that `step` compiles, for any mesh, including absent devices."""

    def shared(state: PyTree, *rows: Array) -> PyTree:
        specs = (WHOLE, *(SPLIT for _ in rows))
        return _on_parts(functools.partial(function, axes=AXES), mesh, specs, WHOLE)(state, *rows)

    return shared


def examples(
    function: Callable, *, whole: tuple[str, ...] = (), searches: bool = False
) -> Callable:
    """Compiles `function(**arguments)` for a batch; its result is replicated.

    Args:
      function: of a batch, independent for each example: it gets its part of every argument.
      whole: names of replicated arguments.
      searches: see `compilation.jit`.
    """

    def shared(arguments: dict[str, Any]) -> PyTree:
        specs = {name: WHOLE if name in whole else SPLIT for name in arguments}
        return _on_parts(lambda given: function(**given), mesh(), (specs,), SPLIT)(arguments)

    compiled = compilation.jit(
        shared, searches=searches, out_shardings=NamedSharding(mesh(), WHOLE)
    )
    return lambda **arguments: compiled(arguments)


def same(function: Callable) -> Callable:
    """Compiles a function of replicated arrays with a replicated result."""
    return jax.jit(function, out_shardings=NamedSharding(mesh(), WHOLE))


def _on_parts(
    function: Callable, mesh: Mesh | AbstractMesh, inputs: Any, outputs: PartitionSpec
) -> Callable:
    # `collectives` makes the results replicated; JAX's check of this does not support the loops
    # of the search.
    return jax.shard_map(function, mesh=mesh, in_specs=inputs, out_specs=outputs, check_vma=False)


def _placed(leaf: Any, mesh: Mesh) -> Array:
    # A copy: the array may be donated, and on CPUs it could share the memory of the leaf.
    leaf = np.array(leaf)
    sharding = NamedSharding(mesh, WHOLE)
    return jax.make_array_from_callback(leaf.shape, sharding, lambda part: leaf[part])


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
