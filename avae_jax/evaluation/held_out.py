"""Evaluates a model over the held-out examples, batch by batch."""

import functools
import operator
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from avae_jax.core import sharding
from avae_jax.core.types import Array, Params, PyTree
from avae_jax.evaluation.pose_metrics import label_means
from avae_jax.inference import batch
from avae_jax.inference.flops import forward_equivalents
from avae_jax.inference.proposals.template_bank import Bank
from avae_jax.inference.setup import stream
from avae_jax.training.experiment import Experiment
from avae_jax.training.state import bank_of


class Fitted(NamedTuple):
    """What training leaves behind: weights, and the bank of posed prototypes if one is used."""

    params: Params
    bank: Bank | None


class Calls(NamedTuple):
    """The functions of `evaluate`, compiled once for a run, its key and options filled in.

    All take keywords; examples are split over the devices, results are whole on each.
    """

    fitted: Callable
    apply: Callable
    search: Callable
    loss: Callable
    views: Callable
    unmoved: Callable


def compiled(experiment: Experiment) -> Calls:
    """Compiles (when first called) what evaluation needs."""
    fixed = {"avae": experiment.avae, "key": stream(experiment.options, "test")}
    search = functools.partial(batch.search_batch, search=experiment.search, **fixed)
    bank = functools.partial(bank_of, avae=experiment.avae, search=experiment.search)
    bank, model = sharding.same(bank), ("params",)
    return Calls(
        fitted=lambda state: Fitted(state.params, bank(state)),
        apply=sharding.examples(functools.partial(batch.apply_poses, **fixed)),
        search=sharding.examples(search, whole=("params", "bank"), searches=True),
        loss=sharding.examples(functools.partial(batch.losses, **fixed), whole=model),
        views=sharding.examples(functools.partial(batch.views, avae=experiment.avae), whole=model),
        unmoved=sharding.examples(functools.partial(batch.unmoved, avae=experiment.avae)),
    )


class Examination(NamedTuple):
    """What was measured on n held-out examples; losses in nats.

    Attributes:
      observed, canonical_input, canonical, reconstruction: pictures of the first few.
      applied, found, target: `[n, d + 1, d + 1]`; `target` is the mean `found . applied` of
        the label, estimated on other examples.
      upright, posed, posed_search, posed_true: `[n]`.
      outside, cropped: `[n]` (see `evaluate.Views`).
      nonfinite, scored, refined: `[n]` (see `SearchResult`).
      forward_equivalents, seconds_per_example: cost of the search.
    """

    observed: np.ndarray
    canonical_input: np.ndarray
    canonical: np.ndarray
    reconstruction: np.ndarray
    labels: np.ndarray
    applied: np.ndarray
    found: np.ndarray
    target: np.ndarray
    upright: np.ndarray
    posed: np.ndarray
    posed_search: np.ndarray
    posed_true: np.ndarray
    outside: np.ndarray
    cropped: np.ndarray
    nonfinite: np.ndarray
    scored: np.ndarray
    refined: np.ndarray
    forward_equivalents: float
    seconds_per_example: float


PICTURES = 12


def examine(experiment: Experiment, fitted: Fitted, calls: Calls) -> Examination:
    """Losses and poses of the first `eval.examples` test examples."""
    count = min(experiment.options.eval.examples, len(experiment.dataset.test))
    first = in_batches(functools.partial(_first_pass, calls, fitted), experiment, count)
    labels = labels_of(experiment, count)
    target = label_means(first["found"] @ first["applied"], labels)
    true = target @ np.linalg.inv(first["applied"])

    def second(x: Array, index: Array, poses: Array) -> PyTree:
        observed, _ = calls.apply(x=x, index=index)
        return calls.loss(params=fitted.params, x=observed, index=index, poses=poses)

    posed_true = in_batches(second, experiment, count, true.astype(np.float32))
    spent = forward_equivalents(
        fitted.params,
        experiment.dataset.test[0],
        avae=experiment.avae,
        options=experiment.search,
        bank=fitted.bank,
        scored=float(first["scored"].mean()),
        refined=float(first["refined"].mean()),
    )
    seconds = _seconds_per_example(calls, fitted, experiment, count)
    return Examination(
        labels=labels,
        target=target,
        posed_true=posed_true,
        forward_equivalents=spent,
        seconds_per_example=seconds,
        **{name: array[:PICTURES] if name in PICTURED else array for name, array in first.items()},
    )


PICTURED = ("observed", "canonical_input", "canonical", "reconstruction")


def _first_pass(calls: Calls, fitted: Fitted, x: Array, index: Array) -> PyTree:
    observed, applied = calls.apply(x=x, index=index)
    result = calls.search(params=fitted.params, x=observed, index=index, bank=fitted.bank)
    loss = functools.partial(calls.loss, params=fitted.params, index=index)
    views = calls.views(params=fitted.params, x=observed, poses=result.pose)
    still = calls.unmoved(x=observed)
    return {
        "observed": observed,
        "canonical_input": views.canonical_input,
        "canonical": views.canonical,
        "reconstruction": views.reconstruction,
        "applied": applied,
        "found": result.pose,
        "upright": loss(x=x, poses=still),
        "posed": loss(x=observed, poses=still),
        "posed_search": loss(x=observed, poses=result.pose),
        "outside": views.outside,
        "cropped": views.cropped,
        "nonfinite": result.nonfinite,
        "scored": result.scored,
        "refined": result.refined,
    }


def in_batches(function: Callable, experiment: Experiment, count: int, *more: np.ndarray) -> PyTree:
    """Applies `function(x, index, *more)` to the first `count` test examples.

    They come split over the devices, and the result, whole on every device, goes to the
    host. The last batch is filled up with its first example, so that one program serves all.

    Args:
      more: `[count, ...]`, further arguments with a row for every example.
    """
    size = _batch_size(experiment, count)
    parts = []
    for start in range(0, count, size):
        index = np.arange(start, min(start + size, count))
        full = np.concatenate([index, np.repeat(index[:1], size - len(index))])
        result = jax.device_get(function(*_rows(experiment, full, *more)))
        parts.append(jax.tree.map(operator.itemgetter(slice(len(index))), result))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def _batch_size(experiment: Experiment, count: int) -> int:
    return sharding.whole_parts(min(experiment.options.eval.batch_size, count))


def _rows(experiment: Experiment, index: np.ndarray, *more: np.ndarray) -> tuple[Array, ...]:
    """Test examples `index`, that index, and what else has a row for each, on the devices."""
    numbers = sharding.split(index.astype(np.int32))
    examples = sharding.split(experiment.dataset.test, index)
    return examples, numbers, *(sharding.split(rows, index) for rows in more)


def labels_of(experiment: Experiment, count: int) -> np.ndarray:
    """Labels `[n]` of the first test examples; zeros where there are none."""
    labels = experiment.dataset.test_labels
    return np.zeros(count, np.int32) if labels is None else labels[:count]


def _seconds_per_example(calls: Calls, fitted: Fitted, experiment: Experiment, count: int) -> float:
    """Wall time of the search, compiled before; one batch."""
    size = _batch_size(experiment, count)
    x, index = _rows(experiment, np.arange(size) % count)
    observed, _ = jax.block_until_ready(calls.apply(x=x, index=index))
    search = functools.partial(calls.search, params=fitted.params, bank=fitted.bank)
    start = time.perf_counter()
    jax.block_until_ready(search(x=observed, index=index))
    return (time.perf_counter() - start) / size


def found_poses(experiment: Experiment, fitted: Fitted, calls: Calls, count: int) -> PyTree:
    """Applied and found poses of the first test examples, for a moment of training."""

    search = functools.partial(calls.search, params=fitted.params, bank=fitted.bank)

    def one(x: Array, index: Array) -> PyTree:
        observed, applied = calls.apply(x=x, index=index)
        return {"applied": applied, "found": search(x=observed, index=index).pose}

    return in_batches(one, experiment, min(count, len(experiment.dataset.test)))
