"""The bound on log p(x) over held-out examples: what models with and without search share."""

import functools

from avae_jax.core import sharding
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array, PyTree
from avae_jax.evaluation.held_out import Calls, Fitted, in_batches
from avae_jax.inference.batch import bound_batch
from avae_jax.inference.marginal import Evidence
from avae_jax.inference.problem import bounded
from avae_jax.inference.setup import stream
from avae_jax.training.experiment import Experiment
from avae_jax.transform.lie import brackets


def measure_evidence(experiment: Experiment, fitted: Fitted, calls: Calls) -> Evidence | None:
    """The bound `[n]` of the first `eval.marginal_examples` test examples, each at its pose.

    `None` where the config asks for none, or the family has no density of poses.
    """
    options, group = experiment.options.eval, experiment.avae.group
    if not options.marginal_examples:
        return None
    try:
        brackets(group)
    except InputError as error:
        print(f"marginal likelihood left out: {error}")
        return None
    bound = functools.partial(
        bound_batch,
        key=stream(experiment.options, "test"),
        avae=experiment.avae,
        samples=options.marginal_samples,
        chunk=bounded(experiment.search, experiment.avae).chunk,
    )
    bound = sharding.examples(bound, whole=("params",), searches=True)

    def one(x: Array, index: Array) -> PyTree:
        observed, _ = calls.apply(x=x, index=index)
        shared = {"params": fitted.params, "x": observed, "index": index}
        found = calls.search(**shared, bank=fitted.bank)
        return bound(**shared, found=found)

    count = min(options.marginal_examples, len(experiment.dataset.test))
    return in_batches(one, experiment, count)


def numbers(found: Evidence | None, *, samples: int) -> dict[str, float | None]:
    """What a summary says of the bound beside the bound; `None` for what was not measured."""
    if found is None:
        return {"error": None, "effective": None, "examples": None, "samples": None}
    count = len(found.bound)
    return {
        "error": float(found.bound.std(ddof=1) / count**0.5) if count > 1 else None,
        "effective": float(found.effective.mean()),
        "examples": count,
        "samples": samples,
    }
