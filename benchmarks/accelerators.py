"""What compiled programs take of the chip they run on."""

from typing import Any

import jax

# Operations are counted for CPUs, whatever computes.
PLATFORMS = {"cpu": "cpu", "gpu": "cuda,cpu", "tpu": "tpu,cpu"}


def choose(platform: str | None) -> None:
    """Makes JAX compute on one of `PLATFORMS`; `None` leaves the choice to JAX."""
    if platform:
        jax.config.update("jax_platforms", PLATFORMS[platform])


# Operations a second of dense matrix products, by the makers' data sheets, in the order of
# `DTYPES`. Where float32 runs as TF32 by default, its rate is that of TF32.
DTYPES = ("bfloat16", "float32")
PEAK = {
    "A100": (312e12, 156e12),
    "H100": (989e12, 495e12),
    "H200": (989e12, 495e12),
    "L4": (121e12, 60e12),
    "T4": (65e12, 8.1e12),
}


def share_of_peak(operations_per_second: float, *, dtype: str) -> dict[str, float]:
    """`share_of_peak` reached on a GPU whose peak is known; nothing elsewhere.

    Args:
      dtype: in what networks compute, of `DTYPES`.
    """
    device = jax.devices()[0]
    words = device.device_kind.replace("-", " ").split()
    known = [peak for name, peak in PEAK.items() if name in words]
    if device.platform != "gpu" or not known:
        return {}
    return {"share_of_peak": operations_per_second / known[0][DTYPES.index(dtype)]}


def mib(compiled: Any) -> float:
    """Memory of a compiled program with its inputs and outputs."""
    memory = compiled.memory_analysis()
    used = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
    return used / 2**20
