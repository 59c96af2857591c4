"""Marginal-likelihood bound and pose posterior of test examples, of the same draws."""

import functools

from avae_jax.core import sharding
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array, PyTree
from avae_jax.evaluation.held_out import CompiledEvaluation, in_batches
from avae_jax.evaluation.task import Task
from avae_jax.inference.batch import posterior_batch
from avae_jax.inference.marginal import Evidence
from avae_jax.inference.problem import bounded
from avae_jax.inference.search import SearchResult
from avae_jax.inference.setup import stream
from avae_jax.inference.trained import Trained
from avae_jax.transform.lie import brackets
from avae_jax.transform.mixture import Mixture


def bound_marginal_likelihood(
    task: Task, trained: Trained, calls: CompiledEvaluation, found: SearchResult
) -> tuple[Evidence, Mixture] | None:
    """Bound and posterior `[n]` of the first `eval.marginal_examples` searched examples.

    `None` if the config sets none, or if the family has no density of poses.
    """
    options, group = task.options.eval, task.avae.group
    if not options.marginal_examples:
        return None
    try:
        brackets(group)
    except InputError as error:
        print(f"marginal likelihood left out: {error}")
        return None
    bound = functools.partial(
        posterior_batch,
        key=stream(task.options, "test"),
        avae=task.avae,
        samples=options.marginal_samples,
        chunk=bounded(task.search, task.avae).chunk,
    )
    bound = sharding.examples(bound, whole=("params",), searches=True)

    def one(x: Array, index: Array, *leaves: Array) -> PyTree:
        observed, _ = calls.apply(x=x, index=index)
        result = SearchResult(*leaves)
        return bound(params=trained.params, x=observed, index=index, found=result)

    count = min(options.marginal_examples, len(found.pose))
    return in_batches(one, task, count, *(leaf[:count] for leaf in found))
