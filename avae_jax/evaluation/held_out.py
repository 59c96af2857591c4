"""Evaluates a model over the held-out examples, batch by batch."""

import functools
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from avae_jax.core import batches, sharding
from avae_jax.core.types import Array, PyTree
from avae_jax.evaluation.pose_metrics import label_means
from avae_jax.evaluation.task import Task
from avae_jax.inference import batch
from avae_jax.inference.flops import forward_equivalents
from avae_jax.inference.search import SearchResult
from avae_jax.inference.setup import stream
from avae_jax.inference.trained import Trained


class CompiledEvaluation(NamedTuple):
    """The functions of an evaluation, compiled once for a run, with key and options bound.

    All take keywords; examples are split over the devices, results are replicated.
    """

    apply: Callable
    search: Callable
    loss: Callable
    views: Callable
    unmoved: Callable


def compile_evaluation(task: Task) -> CompiledEvaluation:
    """The functions of an evaluation, compiled at their first call."""
    fixed = {"avae": task.avae, "key": stream(task.options, "test")}
    search = functools.partial(batch.search_batch, search=task.search, **fixed)
    model = ("params",)
    return CompiledEvaluation(
        apply=sharding.examples(functools.partial(batch.apply_poses, **fixed)),
        search=sharding.examples(search, whole=("params", "bank"), searches=True),
        loss=sharding.examples(functools.partial(batch.losses, **fixed), whole=model),
        views=sharding.examples(functools.partial(batch.views, avae=task.avae), whole=model),
        unmoved=sharding.examples(functools.partial(batch.unmoved, avae=task.avae)),
    )


class HeldOutResult(NamedTuple):
    """Measurements on n held-out examples; losses in nats.

    Attributes:
      observed, canonical_input, canonical, reconstruction: pictures of the first few.
      result: result of the search, as numpy arrays.
      applied, target: `[n, d + 1, d + 1]`; `target` is the label's mean of `found . applied`,
        estimated on other examples.
      upright, posed, posed_search, posed_true: `[n]`.
      outside, cropped: `[n]` (see `evaluate.Views`).
      forward_equivalents, seconds_per_example: cost of the search.
    """

    observed: np.ndarray
    canonical_input: np.ndarray
    canonical: np.ndarray
    reconstruction: np.ndarray
    labels: np.ndarray
    result: SearchResult
    applied: np.ndarray
    target: np.ndarray
    upright: np.ndarray
    posed: np.ndarray
    posed_search: np.ndarray
    posed_true: np.ndarray
    outside: np.ndarray
    cropped: np.ndarray
    forward_equivalents: float
    seconds_per_example: float

    @property
    def found(self) -> np.ndarray:
        """Poses `[n, d + 1, d + 1]` that the search found."""
        return self.result.pose


PICTURES = 12


def measure_held_out(task: Task, trained: Trained, calls: CompiledEvaluation) -> HeldOutResult:
    """Losses and poses of the first `eval.examples` test examples."""
    count = min(task.options.eval.examples, len(task.dataset.test))
    applied, result, seconds = _search(task, trained, calls, count)
    look = functools.partial(_look, calls, trained)
    seen = in_batches(look, task, count, result.pose)
    labels = labels_of(task, count)
    target = label_means(result.pose @ applied, labels)
    true = target @ np.linalg.inv(applied)

    def at_true_pose(x: Array, index: Array, poses: Array) -> PyTree:
        observed, _ = calls.apply(x=x, index=index)
        return calls.loss(params=trained.params, x=observed, index=index, poses=poses)

    posed_true = in_batches(at_true_pose, task, count, true.astype(np.float32))
    spent = forward_equivalents(
        trained.params,
        task.dataset.test[0],
        avae=task.avae,
        options=task.search,
        bank=trained.bank,
        scored=float(result.scored.mean()),
        refined=float(result.refined.mean()),
    )
    return HeldOutResult(
        result=result,
        labels=labels,
        applied=applied,
        target=target,
        posed_true=posed_true,
        forward_equivalents=spent,
        seconds_per_example=seconds,
        **{name: array[:PICTURES] if name in PICTURED else array for name, array in seen.items()},
    )


PICTURED = ("observed", "canonical_input", "canonical", "reconstruction")


def _search(
    task: Task, trained: Trained, calls: CompiledEvaluation, count: int
) -> tuple[np.ndarray, SearchResult, float]:
    """Poses applied to the first `count` test examples, the search result, seconds per example."""
    search = functools.partial(calls.search, params=trained.params, bank=trained.bank)
    times: list[float] = []

    def one(x: Array, index: Array) -> PyTree:
        observed, applied = jax.block_until_ready(calls.apply(x=x, index=index))
        start = time.perf_counter()
        found = jax.block_until_ready(search(x=observed, index=index))
        times.append(time.perf_counter() - start)
        return applied, found

    applied, result = in_batches(one, task, count)
    size = _batch_size(task, count)
    if len(times) == 1:
        # The first batch includes compilation.
        one(*_rows(task, np.arange(size) % count))
    return applied, result, float(np.mean(times[1:])) / size


def _look(
    calls: CompiledEvaluation, trained: Trained, x: Array, index: Array, poses: Array
) -> PyTree:
    observed, _ = calls.apply(x=x, index=index)
    loss = functools.partial(calls.loss, params=trained.params, index=index)
    views = calls.views(params=trained.params, x=observed, poses=poses)
    still = calls.unmoved(x=observed)
    return {
        "observed": observed,
        "canonical_input": views.canonical_input,
        "canonical": views.canonical,
        "reconstruction": views.reconstruction,
        "upright": loss(x=x, poses=still),
        "posed": loss(x=observed, poses=still),
        "posed_search": loss(x=observed, poses=poses),
        "outside": views.outside,
        "cropped": views.cropped,
    }


def in_batches(function: Callable, task: Task, count: int, *more: np.ndarray) -> PyTree:
    """Applies `function(x, index, *more)` to the first `count` test examples.

    Examples are split over the devices; the replicated result is fetched to the host. The last
    batch is padded with its first example, so that all batches share one program.

    Args:
      more: `[count, ...]`, further arguments with a row for each example.
    """
    size = _batch_size(task, count)
    return batches.in_batches(
        lambda index: function(*_rows(task, index, *more)), np.arange(count), size=size
    )


def _batch_size(task: Task, count: int) -> int:
    return sharding.whole_parts(min(task.options.eval.batch_size, count))


def _rows(task: Task, index: np.ndarray, *more: np.ndarray) -> tuple[Array, ...]:
    """Test examples `index`, that index, and the rows of `more`, on the devices."""
    numbers = sharding.split(index.astype(np.int32))
    examples = sharding.split(task.dataset.test, index)
    return examples, numbers, *(sharding.split(rows, index) for rows in more)


def labels_of(task: Task, count: int) -> np.ndarray:
    """Labels `[n]` of the first test examples; zeros without labels."""
    labels = task.dataset.test_labels
    return np.zeros(count, np.int32) if labels is None else labels[:count]


def found_poses(task: Task, trained: Trained, calls: CompiledEvaluation, count: int) -> PyTree:
    """Applied and found poses of the first test examples and the losses there, for a snapshot."""
    search = functools.partial(calls.search, params=trained.params, bank=trained.bank)

    def one(x: Array, index: Array) -> PyTree:
        observed, applied = calls.apply(x=x, index=index)
        found = search(x=observed, index=index).pose
        loss = calls.loss(params=trained.params, x=observed, index=index, poses=found)
        return {"applied": applied, "found": found, "loss": loss}

    return in_batches(one, task, min(count, len(task.dataset.test)))
