"""What a search costs and finds, on one model and one set of posed objects."""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.alignment import pose_errors
from avae_jax.compiling import jit
from avae_jax.models import in_bfloat16
from avae_jax.objective import AVAE
from avae_jax.options import SearchOptions
from avae_jax.pose_search import resolve, starts
from avae_jax.posing import (
    build_bank,
    example_keys,
    find_poses,
    forward_equivalents,
    operations,
    problem,
    see,
)
from avae_jax.transform.matrices import identity
from avae_jax.types import Array, Params
from benchmarks.upright import SEED, Upright


class Case(NamedTuple):
    """Objects in unknown poses, `[n, *S, C]`, a model, and the poses that nobody tells it."""

    upright: Upright
    avae: AVAE
    observed: np.ndarray
    applied: np.ndarray

    @property
    def network(self) -> str:
        return self.upright.options.name

    @property
    def true(self) -> np.ndarray:
        """From the observations to the pose that the model was trained in."""
        return np.linalg.inv(self.applied).astype(np.float32)

    def first(self, count: int) -> "Case":
        return self._replace(observed=self.observed[:count], applied=self.applied[:count])


def batch_of(case: Case) -> int:
    """Examples a call: many small images, few volumes."""
    return max(1, min(len(case.observed), 50 if case.avae.group.d == 2 else 25))


def losses(case: Case, poses: np.ndarray) -> np.ndarray:
    """The objective of the search `[n]`, in float32, at `poses`."""

    def one(params: Params, x: Array, pose: Array) -> Array:
        return problem(params, case.avae).value(see(x, avae=case.avae), pose)

    call, size = jax.jit(jax.vmap(one, (None, 0, 0))), batch_of(case)
    parts = [
        call(case.upright.params, case.observed[i : i + size], poses[i : i + size])
        for i in range(0, len(poses), size)
    ]
    return np.concatenate(parts)


def verdict(case: Case, poses: np.ndarray) -> dict[str, Any]:
    """How good found poses are: losses, and the share within 20 degrees of the truth."""
    moved = poses @ case.applied
    upright = np.broadcast_to(np.eye(moved.shape[-1]), moved.shape)
    degrees = pose_errors(moved, upright).degrees
    return {
        "loss": float(losses(case, poses).mean()),
        "true_loss": float(losses(case, case.true).mean()),
        "within_20": float((degrees < 20).mean()),
        "median_degrees": float(np.median(degrees)),
        "network": case.network,
        "examples": len(poses),
    }


def search_in_jax(
    case: Case, options: SearchOptions, head: Params | None = None, *, bfloat16: bool = False
) -> dict[str, Any]:
    """One search over all examples of a case: what it found, what it took.

    Args:
      bfloat16: the networks compute in bfloat16 while searching; losses never do.
    """
    params, avae = case.upright.params, case.avae
    if bfloat16:
        avae = avae._replace(model=in_bfloat16(avae.model))
    search = resolve(options, avae.group)
    bank = jax.jit(functools.partial(build_bank, avae=avae, options=search))(
        params, case.upright.met, head=head
    )
    call = jit(functools.partial(find_poses, avae=avae, options=search))
    size, number = batch_of(case), len(case.observed)
    # The last batch is filled up with the first examples.
    batches = (np.arange(-(-number // size) * size) % number).reshape(-1, size)
    keys = _keys(case)

    def given(index: np.ndarray) -> tuple[Params, Array, np.ndarray]:
        return params, keys[index], case.observed[index]

    compiled = call.lower(*given(batches[0]), bank=bank).compile()
    if len(batches) < 3:
        # Of more, the median does not see that the first takes longer.
        jax.block_until_ready(compiled(*given(batches[0]), bank=bank))
    found, seconds = [], []
    for index in batches:
        batch = given(index)
        began = time.perf_counter()
        result = compiled(*batch, bank=bank)
        found.append(jax.tree.map(np.asarray, (result.pose, result.scored, result.refined)))
        seconds.append(time.perf_counter() - began)
    poses, scored, refined = (np.concatenate(part)[:number] for part in zip(*found, strict=True))
    counts = {"scored": float(np.mean(scored)), "refined": float(np.mean(refined))}
    spent = forward_equivalents(
        params, case.observed[0], avae=avae, options=search, bank=bank, **counts
    )
    ms = 1000 * float(np.median(seconds)) / size
    return {
        **verdict(case, poses),
        "forward_equivalents": spent,
        "ms_per_example": ms,
        "peak_mib": mib(compiled),
        **counts,
        **share_of_peak(case, spent / ms * 1000, bfloat16=bfloat16),
    }


def mib(compiled: Any) -> float:
    """Memory of a compiled program with its inputs and outputs."""
    memory = compiled.memory_analysis()
    used = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
    return used / 2**20


# Operations a second of dense matrix products, by the makers' data sheets: bfloat16, float32.
PEAK = {
    "A100": (312e12, 19.5e12),
    "H100": (989e12, 67e12),
    "H200": (989e12, 67e12),
    "L4": (121e12, 30.3e12),
    "T4": (65e12, 8.1e12),
}


def share_of_peak(case: Case, forwards_per_second: float, *, bfloat16: bool) -> dict[str, float]:
    """`share_of_peak` that a search reaches on a GPU whose peak is known; nothing elsewhere."""
    device = jax.devices()[0]
    words = device.device_kind.replace("-", " ").split()
    known = [peak for name, peak in PEAK.items() if name in words]
    if device.platform != "gpu" or not known:
        return {}
    one, seen = problem(case.upright.params, case.avae), see(case.observed[0], avae=case.avae)
    forward = operations(one.value, seen, identity(case.avae.group.d))
    return {"share_of_peak": forwards_per_second * forward / known[0][0 if bfloat16 else 1]}


def search_in_torch(case: Case, options: SearchOptions, *, device: str) -> dict[str, Any]:
    """The same recipe in PyTorch, from the same starts, on the same weights."""
    from benchmarks.torch_objective import Objective
    from benchmarks.torch_search import ms_per_example

    search = resolve(options, case.avae.group)
    objective = Objective(case.upright.params, avae=case.avae, network=case.upright.options)
    begin = functools.partial(
        starts,
        group=case.avae.group,
        ranges=case.avae.ranges,
        kind=search.kind,
        count=search.starts,
    )
    poses = np.asarray(jax.jit(jax.vmap(begin))(_keys(case)))
    ms, found = ms_per_example(
        objective.to(device),
        case.observed,
        poses,
        batch=min(len(poses), 32 if case.avae.group.d == 2 else 8),
        keep=search.keep,
        steps=search.steps,
        learning_rate=search.learning_rate,
    )
    spent = forward_equivalents(
        case.upright.params, case.observed[0], avae=case.avae, options=search, bank=None
    )
    return {
        **verdict(case, found),
        "forward_equivalents": spent,
        "ms_per_example": ms,
        "peak_mib": None,
    }


def _keys(case: Case) -> Array:
    return example_keys(jax.random.key(SEED + 3), jnp.arange(len(case.observed)))
