"""Fits a pose head to search results of a trained model."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import data
from avae_jax.config.options import SearchOptions
from avae_jax.core.compilation import jit
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.find_poses import build_bank, find_poses
from avae_jax.inference.problem import example_keys
from avae_jax.inference.proposals import head_training
from avae_jax.inference.proposals.head_training import Head
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.inference.search import resolve_search
from avae_jax.models.affine_model import AVAE
from avae_jax.models.augmentation import pose_batch
from avae_jax.transform.families import Family
from avae_jax.transform.matrices import inverse, matmul

# Number of searched random poses, and epochs over the results.
VISITS, PASSES = 24_000, 40
BATCH = 128


def fit_head(
    params: Params,
    met: Array,
    x: np.ndarray,
    *,
    avae: AVAE,
    options: SearchOptions,
    visits: int = VISITS,
    passes: int = PASSES,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Head:
    """A pose head for resolved `options` with `learned`.

    Examples are rotated at random and searched thoroughly; the head learns the found poses. No
    labels and no known poses are used.

    Args:
      met: `[N, Z]`, latent means of objects in the canonical pose, for the bank.
      x: `[n, *S, C]`, examples to learn from.
      visits: number of random poses of examples to search.
      passes: epochs over the found poses.
      progress: called with the name of the stage, the finished and the total number.

    Raises:
      ValueError: `options` without `learned`.
    """
    if not options.learned:
        raise ValueError("search.learned=False: wanted options of a search that learns proposals")
    key = jax.random.key(seed)
    head = head_training.init(key, avae=avae, options=options)
    bank = jax.jit(functools.partial(build_bank, avae=avae, options=options))(params, met)
    size = min(BATCH, len(x))
    batches = max(1, visits // size)

    def posed(number: int) -> tuple[Key, Array]:
        index = data.batch_indices(number, batch_size=size, examples=len(x), seed=seed)
        return example_keys(jax.random.fold_in(key, number), index), jnp.asarray(x[index])

    teach = jit(functools.partial(_answers, avae=avae, options=teacher(options, avae.group)))
    answers = []
    for number in range(batches):
        answers.append(teach(params, bank, *posed(number)))
        progress("searching", number + 1, batches)
    learn = jax.jit(functools.partial(_learn, avae=avae), donate_argnums=0)
    order = np.random.default_rng(seed)
    for done in range(passes):
        for number in order.permutation(batches):
            keys, batch = posed(int(number))
            keys = jax.vmap(jax.random.fold_in, (0, None))(keys, done)
            head, _ = learn(head, bank, keys, batch, answers[number])
        progress("learning", done + 1, passes)
    return head


def teacher(options: SearchOptions, group: Family) -> SearchOptions:
    """The search whose results a head learns: `thorough`, with the same bank."""
    wide = SearchOptions(
        preset="thorough",
        prototypes=options.prototypes,
        turns=options.turns,
        unroll=options.unroll,
        chunk=options.chunk,
    )
    return resolve_search(wide, group)


def _answers(
    params: Params, bank: TemplateBank, keys: Key, x: Array, *, avae: AVAE, options: SearchOptions
) -> Array:
    """Poses `[B, d + 1, d + 1]` that carry the examples to the canonical frame.

    They are found at random poses of the examples, because the examples may not cover all poses.
    """
    pose_keys, start_keys = jax.vmap(jax.random.split, out_axes=1)(keys)
    turned, applied = pose_batch(pose_keys, x, avae=avae)
    found = find_poses(params, start_keys, turned, avae=avae, options=options, bank=bank)
    return matmul(found.pose, applied)


def _learn(
    head: Head, bank: TemplateBank, keys: Key, x: Array, answers: Array, *, avae: AVAE
) -> tuple[Head, Array]:
    """One update by examples at new random poses: one found pose determines all targets."""
    turned, applied = pose_batch(keys, x, avae=avae)
    return head_training.update(head, bank, turned, matmul(answers, inverse(applied)), avae=avae)
