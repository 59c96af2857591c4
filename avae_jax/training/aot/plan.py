"""Compiles the train step for absent chips; reports memory, operations, transfers."""

import functools
import json
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from avae_jax.config.options import Options, SearchOptions
from avae_jax.core import atomic_files, sharding
from avae_jax.core.errors import InputError
from avae_jax.core.platforms import portable
from avae_jax.core.types import Array, Params, PyTree
from avae_jax.inference.find_poses import build_bank
from avae_jax.inference.flops import forward_equivalents, forward_operations
from avae_jax.inference.problem import bounded
from avae_jax.models.affine_model import AVAE
from avae_jax.training.aot import hlo
from avae_jax.training.aot.topology import Topology, mesh_of, topology
from avae_jax.training.experiment import Experiment, prepare
from avae_jax.training.step import train_step

# Forward passes of an update of the weights: its backward pass counts as two.
UPDATE = 3


def plan(options: Options, name: str, file: Path | None = None) -> None:
    """Prints the cost of a train step on every chip of a topology, and writes it as JSON.

    Args:
      name: for example `v5e:16x16` or `cuda:8`, see `topology`.
      file: a new file for the numbers.

    Raises:
      InputError: an invalid topology or config, chips that cannot share the batch, or a
        `file` that exists or cannot be written.
    """
    if file is not None:
        require_room(file)
    chips = topology(name)
    sharding.sharers(options.train.batch_size, chips.chips)
    experiment = prepare(options)
    print(f"compiling the train step for {name}, {chips.chips} chips", flush=True)
    found = planned(experiment, chips)
    print(_table(found))
    if file is not None:
        with atomic_files.fresh(file) as place:
            place.write((json.dumps(found, indent=2) + "\n").encode())


def require_room(file: Path) -> None:
    """Checks, before anything is compiled, that `file` can be written.

    Raises:
      InputError: it exists, or its directory does not.
    """
    atomic_files.require_new(file)
    if not file.parent.is_dir():
        raise InputError(f"--json {file}: no directory {file.parent}, wanted one that exists")


def planned(experiment: Experiment, chips: Topology) -> dict[str, Any]:
    """The cost of a train step on each of `chips`: bytes, operations and seconds."""
    options = experiment.options
    about = {"topology": chips.name, "platform": chips.platform, "chips": chips.chips}
    about |= {"batch": options.train.batch_size, "jax": jax.__version__}
    state, x = experiment.state, experiment.dataset.train[0]
    what = {"avae": experiment.avae, "search": experiment.training_search}
    each = counted(state.params, state.met, x, **what)
    about |= {"counted_operations": each * options.train.batch_size / chips.chips}
    with portable():
        return about | _compiled(experiment, chips)


def _compiled(experiment: Experiment, chips: Topology) -> dict[str, Any]:
    """What lowering or, for TPUs, the compiler says of the train step."""
    began = time.perf_counter()
    step, arguments = step_for(experiment, chips)
    if chips.platform == "cuda":
        text = jax.export.export(step, platforms=("cuda",))(*arguments).mlir_module()
        crossing = hlo.lowered_collectives(text)
        return {"seconds_to_lower": time.perf_counter() - began, **_crossing(crossing)}
    compiled = step.lower(*arguments).compile()
    spent, text = time.perf_counter() - began, compiled.as_text()
    return {
        "seconds_to_compile": spent,
        "memory": memory(compiled, chips),
        "compiler": estimate(compiled.cost_analysis()),
        "pixel_gathers": hlo.pixel_gathers(text),
        **_crossing(hlo.collectives(text)),
    }


def step_for(experiment: Experiment, chips: Topology) -> tuple[Any, tuple[PyTree, ...]]:
    """The train step for a topology, and the shapes and shardings of its arguments."""
    options, search = experiment.options, experiment.training_search
    if search is not None:
        search = bounded(search, experiment.avae, platform=chips.platform)
    step = functools.partial(
        train_step,
        avae=experiment.avae,
        tx=experiment.tx,
        search=search,
        pose_data=options.data.pose == "random",
    )
    batch = options.train.batch_size
    mesh = mesh_of(chips, sharding.sharers(batch, chips.chips))

    def placed(shape: tuple[int, ...], dtype: Any, spec: PartitionSpec) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, dtype, sharding=NamedSharding(mesh, spec))

    state = jax.tree.map(
        lambda leaf: placed(leaf.shape, leaf.dtype, sharding.WHOLE), experiment.state
    )
    x = placed((batch, *experiment.dataset.train.shape[1:]), np.float32, sharding.SPLIT)
    index = placed((batch,), np.int32, sharding.SPLIT)
    whole = NamedSharding(mesh, sharding.WHOLE)
    shared = sharding.shared_step(step, mesh)
    return jax.jit(shared, donate_argnums=0, out_shardings=whole), (state, x, index)


def counted(
    params: Params, met: Array, x: Array, *, avae: AVAE, search: SearchOptions | None
) -> float:
    """Operations of a train step for one example `x: [*S, C]`, before compiler optimisation.

    Every iteration of a loop counts, with all starts and candidates; resampling counts in the
    gather form of CPUs.
    """
    forward = forward_operations(params, x, avae=avae)
    if search is None:
        return forward * UPDATE
    build = functools.partial(build_bank, avae=avae, options=search)
    bank = jax.eval_shape(build, params, met)
    spent = forward_equivalents(params, x, avae=avae, options=search, bank=bank)
    return forward * (spent + UPDATE)


def memory(compiled: Any, chips: Topology) -> dict[str, Any]:
    """Bytes of a chip by kind, and whether they fit."""
    stats = compiled.memory_analysis()
    kinds = ("argument", "output", "alias", "temp", "generated_code")
    sizes = {kind: getattr(stats, f"{kind}_size_in_bytes") for kind in kinds}
    total = sum(sizes.values()) - 2 * sizes["alias"]
    return {**sizes, "total": total, "available": chips.memory, "fits": total <= chips.memory}


def estimate(cost: dict[str, float]) -> dict[str, float | None]:
    """The compiler's operations, bytes and seconds of a step; the body of a loop counts once."""
    # Negative if a program holds instructions whose time the compiler does not know.
    seconds = cost.get("optimal_seconds", -1.0)
    known = seconds if seconds > 0 else None
    return {"operations": cost["flops"], "bytes": cost["bytes accessed"], "seconds": known}


def _crossing(found: list[hlo.Collective]) -> dict[str, Any]:
    return {"collectives": [one._asdict() for one in found]}


def _table(found: dict[str, Any]) -> str:
    return "\n".join(f"{name:32}{value}" for name, value in _rows(found))


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values in words, nested names joined."""
    rows = []
    for name, value in found.items():
        if isinstance(value, dict):
            rows += [(f"{name}.{inner}", text) for inner, text in _rows(value)]
        elif isinstance(value, list):
            rows += [(name, f"{one['kind']} of {one['bytes']:,} bytes") for one in value]
        else:
            rows.append((name, f"{value:,.4g}" if isinstance(value, float) else f"{value}"))
    return rows
