"""What searches cost and find, on a model and a set of posed objects."""

import functools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import SearchOptions
from avae_jax.core.compilation import jit
from avae_jax.core.types import Array, Params
from avae_jax.evaluation.pose_metrics import pose_errors
from avae_jax.inference.find_poses import build_bank, find_poses
from avae_jax.inference.flops import forward_equivalents, forward_operations
from avae_jax.inference.problem import example_keys, prepare, problem
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.inference.search import resolve, starts
from avae_jax.models import in_bfloat16
from avae_jax.models.affine_model import AVAE
from benchmarks.accelerators import mib, share_of_peak
from benchmarks.data import SEED, Objects
from benchmarks.search.models import Upright, posed

# Calls are timed for so many seconds, even if fewer see all examples.
LEAST = 2.0


class Case(NamedTuple):
    """Objects in unknown poses, a model, and the poses that nobody tells it.

    Attributes:
      observed: `[n, *S, C]`.
      applied: `[n, d + 1, d + 1]`, from the pose that the model was trained in.
      judge: the objective `[b]` of b observations at their poses, see `_judge`.
      true_losses: `[n]`, at the inverse of `applied`.
    """

    upright: Upright
    avae: AVAE
    observed: np.ndarray
    applied: np.ndarray
    judge: Callable[..., Array]
    true_losses: np.ndarray

    @property
    def network(self) -> str:
        return self.upright.options.name

    def first(self, count: int) -> "Case":
        names = ("observed", "applied", "true_losses")
        return self._replace(**{name: getattr(self, name)[:count] for name in names})


def case_of(upright: Upright, objects: Objects, avae: AVAE) -> Case:
    """The test objects, each at its own random pose."""
    observed, applied = posed(objects, avae)
    judge = jax.jit(functools.partial(_judge, avae=avae))
    case = Case(upright, avae, observed, applied, judge, np.zeros(len(observed)))
    return case._replace(true_losses=losses(case, np.linalg.inv(applied).astype(np.float32)))


def _judge(params: Params, x: Array, poses: Array, *, avae: AVAE) -> Array:
    """The objective of the search at full precision, whatever a search used."""

    def one(x: Array, pose: Array) -> Array:
        return problem(params, avae).value(prepare(x, avae=avae), pose)

    # By default accelerators multiply float32 in fewer bits.
    with jax.default_matmul_precision("highest"):
        return jax.vmap(one)(x, poses)


def losses(case: Case, poses: np.ndarray) -> np.ndarray:
    """The objective `[n]` at `poses: [n, d + 1, d + 1]`."""
    size = 50 if case.avae.group.d == 2 else 25
    index = _batches(len(poses), size)
    parts = [case.judge(case.upright.params, case.observed[i], poses[i]) for i in index]
    return np.concatenate(parts)[: len(poses)]


def _batches(count: int, size: int) -> np.ndarray:
    """All examples in batches `[m, size]`; the last is filled up with the first."""
    return (np.arange(-(-count // size) * size) % count).reshape(-1, size)


def verdict(case: Case, poses: np.ndarray) -> dict[str, Any]:
    """How good found poses are: losses, and the share within 20 degrees of the truth."""
    moved = poses @ case.applied
    upright = np.broadcast_to(np.eye(moved.shape[-1]), moved.shape)
    degrees = pose_errors(moved, upright).degrees
    return {
        "loss": float(losses(case, poses).mean()),
        "true_loss": float(case.true_losses.mean()),
        "within_20": float((degrees < 20).mean()),
        "median_degrees": float(np.median(degrees)),
        "network": case.network,
        "examples": len(poses),
    }


class Try(NamedTuple):
    """A search to be tried on a case.

    Attributes:
      head: weights of a pose head.
      bfloat16: the networks compute in bfloat16 while searching; losses never do.
    """

    case: Case
    options: SearchOptions
    head: Params | None = None
    bfloat16: bool = False

    @property
    def search(self) -> SearchOptions:
        return resolve(self.options, self.case.avae.group)

    @property
    def avae(self) -> AVAE:
        avae = self.case.avae
        return avae._replace(model=in_bfloat16(avae.model)) if self.bfloat16 else avae

    @property
    def size(self) -> int:
        """Examples a call: many small images, few volumes; all where there is room."""
        on_cpu = {2: 50, 3: 25}[self.case.avae.group.d]
        count = len(self.case.observed)
        return min(count, on_cpu) if jax.default_backend() == "cpu" else count


def searches_in_jax(tries: dict[str, Try]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Searches over all examples of their cases: what each found, what it took.

    All are compiled beforehand, at once: nothing else runs while one is timed.
    """
    builders = {_kind(one): _builder(one) for one in tries.values()}
    searches = {name: _lowered(one) for name, one in tries.items()}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        lowered = {**builders, **searches}
        compiled = dict(
            zip(lowered, pool.map(lambda p: p.compile(), lowered.values()), strict=True)
        )
    banks = {}
    for name, one in tries.items():
        kind, upright = _kind(one), one.case.upright
        if kind not in banks:
            banks[kind] = compiled[kind](upright.params, upright.met)
        bank = banks[kind]
        if bank is not None:
            bank = bank._replace(head=one.head)
        yield name, _search(one, bank, compiled[name])


def _kind(one: Try) -> tuple:
    """What searches of a family have in common that share a bank."""
    search = one.search
    return one.case.network, one.bfloat16, search.kind, search.prototypes, search.turns


def _build(one: Try) -> Callable[..., TemplateBank | None]:
    return functools.partial(build_bank, avae=one.avae, options=one.search)


def _builder(one: Try) -> Any:
    return jax.jit(_build(one)).lower(one.case.upright.params, one.case.upright.met)


def _lowered(one: Try) -> Any:
    call = jit(functools.partial(find_poses, avae=one.avae, options=one.search))
    build, upright = functools.partial(_build(one), head=one.head), one.case.upright
    bank = jax.eval_shape(build, upright.params, upright.met)
    return call.lower(*_given(one, np.arange(one.size)), bank=bank)


def _given(one: Try, index: np.ndarray) -> tuple[Params, Array, Array]:
    keys, observed = _keys(one.case)[index], jax.device_put(one.case.observed[index])
    return one.case.upright.params, keys, observed


def _search(one: Try, bank: TemplateBank | None, compiled: Any) -> dict[str, Any]:
    case, size = one.case, one.size
    batches = _batches(len(case.observed), size)
    if len(batches) < 3:
        # Of more, the median does not see that the first takes longer.
        jax.block_until_ready(compiled(*_given(one, batches[0]), bank=bank))
    found, seconds = [], []
    while len(found) < len(batches) or sum(seconds) < LEAST:
        batch = _given(one, batches[len(seconds) % len(batches)])
        began = time.perf_counter()
        result = compiled(*batch, bank=bank)
        arrays = jax.tree.map(np.asarray, (result.pose, result.scored, result.refined))
        seconds.append(time.perf_counter() - began)
        # Later rounds find the same.
        found += [arrays] if len(found) < len(batches) else []
    parts = zip(*found, strict=True)
    poses, scored, refined = (np.concatenate(part)[: len(case.observed)] for part in parts)
    counts = {"scored": float(np.mean(scored)), "refined": float(np.mean(refined))}
    x, about = case.observed[0], {"avae": one.avae, "options": one.search, "bank": bank}
    spent = forward_equivalents(case.upright.params, x, **about, **counts)
    ms = 1000 * float(np.median(seconds)) / size
    forward = forward_operations(case.upright.params, x, avae=case.avae)
    rate = 1000 * spent * forward / ms
    return {
        **verdict(case, poses),
        "forward_equivalents": spent,
        "ms_per_example": ms,
        "peak_mib": mib(compiled),
        "batch": size,
        **counts,
        **share_of_peak(rate, dtype="bfloat16" if one.bfloat16 else "float32"),
    }


# Examples a call, and pairs of example and pose worked at once, by d.
TORCH_ON_CPU = {2: (32, 64), 3: (8, 64)}
TORCH_ON_GPU = {2: (512, 4096), 3: (64, 1024)}


def search_in_torch(case: Case, options: SearchOptions, *, device: str) -> dict[str, Any]:
    """The same recipe in PyTorch, from the same starts, on the same weights."""
    import torch

    from benchmarks.search.torch.objective import Objective
    from benchmarks.search.torch.search import ms_per_example

    # As JAX multiplies by default: TF32 where the chip has it.
    torch.set_float32_matmul_precision("high" if device == "cuda" else "highest")
    avae, search = case.avae, resolve(options, case.avae.group)
    objective = Objective(case.upright.params, avae=avae, network=case.upright.options)
    shared = {"kind": search.kind, "count": search.starts}
    begin = functools.partial(starts, group=avae.group, ranges=avae.ranges, **shared)
    poses = np.asarray(jax.jit(jax.vmap(begin))(_keys(case)))
    batch, chunk = (TORCH_ON_GPU if device == "cuda" else TORCH_ON_CPU)[avae.group.d]
    ms, found = ms_per_example(
        objective.to(device),
        case.observed,
        poses,
        batch=min(len(poses), batch),
        least=LEAST,
        chunk=chunk,
        keep=search.keep,
        steps=search.steps,
        learning_rate=search.learning_rate,
    )
    about = {"avae": avae, "options": search, "bank": None}
    spent = forward_equivalents(case.upright.params, case.observed[0], **about)
    return {
        **verdict(case, found),
        "forward_equivalents": spent,
        "ms_per_example": ms,
        "peak_mib": None,
        "batch": min(len(poses), batch),
    }


def _keys(case: Case) -> Array:
    return example_keys(jax.random.key(SEED + 3), jnp.arange(len(case.observed)))
