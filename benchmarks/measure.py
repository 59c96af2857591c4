"""What a search costs and finds, on one model and one set of posed objects."""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.alignment import pose_errors
from avae_jax.compiling import jit
from avae_jax.objective import AVAE
from avae_jax.options import SearchOptions
from avae_jax.pose_search import resolve, starts
from avae_jax.posing import (
    build_bank,
    example_keys,
    find_poses,
    forward_equivalents,
    problem,
    see,
)
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


def search_in_jax(case: Case, options: SearchOptions, head: Params | None = None) -> dict[str, Any]:
    """One search over all examples of a case: what it found, what it took."""
    params, avae = case.upright.params, case.avae
    search = resolve(options, avae.group)
    bank = jax.jit(functools.partial(build_bank, avae=avae, options=search))(
        params, case.upright.met, head=head
    )
    call = jit(functools.partial(find_poses, avae=avae, options=search))
    size = batch_of(case)
    keys, count = _keys(case), size * (len(case.observed) // size)
    first = (params, keys[:size], case.observed[:size])
    compiled = call.lower(*first, bank=bank).compile()
    jax.block_until_ready(compiled(*first, bank=bank))
    poses, seconds, scored, refined = [], [], [], []
    for i in range(0, count, size):
        began = time.perf_counter()
        found = compiled(params, keys[i : i + size], case.observed[i : i + size], bank=bank)
        poses.append(np.asarray(found.pose))
        scored.append(np.asarray(found.scored))
        refined.append(np.asarray(found.refined))
        seconds.append(time.perf_counter() - began)
    memory = compiled.memory_analysis()
    counts = {"scored": float(np.mean(scored)), "refined": float(np.mean(refined))}
    spent = forward_equivalents(
        params, case.observed[0], avae=avae, options=search, bank=bank, **counts
    )
    used = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
    return {
        **verdict(case.first(count), np.concatenate(poses)),
        "forward_equivalents": spent,
        "ms_per_example": 1000 * float(np.median(seconds)) / size,
        "peak_mib": used / 2**20,
        **counts,
    }


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
