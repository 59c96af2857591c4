"""A pose head for a model that is trained already: fitted to the answers of its own search."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import data, proposals
from avae_jax.objective import AVAE
from avae_jax.options import SearchOptions
from avae_jax.posing import build_bank, example_keys, find_poses
from avae_jax.proposals import Head
from avae_jax.train import pose_batch
from avae_jax.types import Array, Key, Params


def fit_head(
    params: Params,
    met: Array,
    x: np.ndarray,
    *,
    avae: AVAE,
    options: SearchOptions,
    steps: int,
    batch_size: int = 128,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> Head:
    """A pose head for `options`, which must say `learned` and start from a bank.

    Every example is turned at random at each visit and searched; no labels, no known poses.

    Args:
      met: `[N, Z]`, latent means of objects in the canonical pose, for the bank.
      x: `[n, *S, C]`, examples to learn from.
      progress: called with the number of the update and its cross-entropy.
    """
    if not (options.learned and options.kind == "bank"):
        raise ValueError(f"search.kind={options.kind}, learned={options.learned}: wanted a bank")
    key = jax.random.key(seed)
    head = proposals.init(key, avae=avae, options=options)
    bank = jax.jit(functools.partial(build_bank, avae=avae, options=options))(params, met)
    step = jax.jit(functools.partial(_step, avae=avae, options=options))
    for number in range(steps):
        index = data.batch_indices(number, batch_size=batch_size, examples=len(x), seed=seed)
        drawn = example_keys(jax.random.fold_in(key, number), index)
        head, loss = step(head, params, bank, drawn, jnp.asarray(x[index]))
        progress(number + 1, loss)
    return head


def _step(
    head: Head,
    params: Params,
    bank: Array,
    keys: Key,
    x: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
) -> tuple[Head, Array]:
    pose_keys, start_keys = jax.vmap(jax.random.split, out_axes=1)(keys)
    x, _ = pose_batch(pose_keys, x, avae=avae)
    bank = bank._replace(head=head.params)
    found = find_poses(params, start_keys, x, avae=avae, options=options, bank=bank)
    return proposals.update(head, bank, x, found.pose, avae=avae)
