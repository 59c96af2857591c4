"""Chips for which a run can be planned, and their meshes."""

import importlib.util
import math
import os
import re
from typing import Any, NamedTuple

import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh

from avae_jax.core import sharding
from avae_jax.core.collectives import AXES
from avae_jax.core.errors import InputError

# Memory of a chip in bytes, by the manufacturer's pages on system architecture.
TPUS = {"v5e": 16 * 2**30, "v5p": 95 * 2**30, "v6e": 32 * 2**30}


class Topology(NamedTuple):
    """Chips to plan for.

    Attributes:
      platform: `tpu` (compiled) or `cuda` (lowered).
      memory: bytes of a chip; `None` if they depend on the card.
    """

    name: str
    platform: str
    chips: int
    memory: int | None


def topology(name: str) -> Topology:
    """The topology called `v5e:16x16` or `cuda:8`.

    Raises:
      InputError: neither a kind of TPU with its sides nor `cuda` with a number.
    """
    kind, _, sides = name.partition(":")
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", sides) or kind not in (*TPUS, "cuda"):
        raise InputError(
            f"--topology {name}: wanted one of {', '.join(TPUS)} with sides, such as v5e:4x4, "
            "or cuda with a number, such as cuda:8"
        )
    chips = math.prod(int(side) for side in sides.split("x"))
    return Topology(name, "cuda" if kind == "cuda" else "tpu", chips, TPUS.get(kind))


def mesh_of(wanted: Topology, sharers: int) -> Mesh | AbstractMesh:
    """The chips of a topology, arranged like present devices by `sharding.mesh`.

    Raises:
      InputError: the compiler for TPUs is not installed, or knows no such topology.
    """
    if wanted.platform == "cuda":
        shape = wanted.chips // sharers, sharers
        return AbstractMesh(shape, AXES, axis_types=(AxisType.Auto,) * len(AXES))
    return sharding.grid(np.array(_described(wanted.name).devices), sharers)


# Without these values the compiler asks a server about TPUs of this machine, which may have
# none, and warns. They do not affect the compiled program.
ASKED = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "v5litepod-16",
    # Several processes may use the compiler; the lock is for chips, which have one owner.
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}


def _described(name: str) -> Any:
    if importlib.util.find_spec("libtpu") is None:
        raise InputError(
            f"--topology {name}: wants the compiler for TPUs, pip install 'avae_jax[plan]'"
        )
    for variable, value in ASKED.items():
        os.environ.setdefault(variable, value)
    from jax.experimental import topologies

    try:
        return topologies.get_topology_desc(topology_name=name, platform="tpu")
    except Exception as error:  # of kinds that no documentation lists
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise InputError(
            f"--topology {name}: {reason}; wanted sides that this kind of chip comes in"
        ) from error
