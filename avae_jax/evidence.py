"""The bound on log p(x) over held-out examples: what models with and without search share."""

import functools

import jax

from avae_jax.core import sharding
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array, Key, Params, PyTree
from avae_jax.examine import Calls, Fitted, in_batches
from avae_jax.experiment import Experiment, stream
from avae_jax.laplace import pose_posterior
from avae_jax.marginal import Evidence, marginal_bound
from avae_jax.models.objective import AVAE
from avae_jax.pose_search import SearchResult
from avae_jax.posing import bounded, example_keys
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


def bound_batch(
    params: Params,
    key: Key,
    x: Array,
    index: Array,
    found: SearchResult,
    *,
    avae: AVAE,
    samples: int,
    chunk: int | None,
) -> Evidence:
    """The bound `[B]` of observations `x: [B, *S, C]`, drawn by the key and their index alone.

    Args:
      found: what a search of them returned.
      samples, chunk: as for `marginal_bound`.
    """
    keys = example_keys(jax.random.fold_in(key, 3), index)
    # A proposal need not be calibrated: without codes it costs less.
    posterior = pose_posterior(params, key, x, found, avae=avae, codes=0, chunk=chunk)
    return marginal_bound(params, keys, x, posterior, avae=avae, samples=samples, chunk=chunk)


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
