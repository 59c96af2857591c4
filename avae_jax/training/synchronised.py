"""The first updates of a training that searches: poses by registration of examples.

A search in an untrained model finds no pose worth having, and what the model then learns by heart
stays: half of the fives upright, half of them upside down. Registration of some examples with one
another needs no model, so the first updates take these examples at the poses on which they agree,
and the search goes on from a model that knows one pose of each object.
"""

import functools
from typing import NamedTuple

import jax
import numpy as np

from avae_jax import data
from avae_jax.core import sharding
from avae_jax.core.types import Array
from avae_jax.inference.problem import example_keys
from avae_jax.inference.setup import stream
from avae_jax.inference.synchronisation.poses import agreed_poses, can_agree
from avae_jax.models.augmentation import pose_batch
from avae_jax.training.experiment import Experiment

# Examples that are registered, by dimension: the cost grows with the square.
EXAMPLES = {2: 2000, 3: 400}
# Examples posed at once: large images take memory.
TOGETHER = 100
# How far unused pairs must confirm the poses. The number is near the resultant length that the
# poses have, on objects and on noise alike (docs/decisions).
CONFIRMED = 0.5


class Synchronised(NamedTuple):
    """Training examples, each in one pose, and the poses on which they agree.

    Attributes:
      examples: `[N, *S, C]`.
      poses: `[N, d + 1, d + 1]`, from the examples to the common pose.
    """

    examples: np.ndarray
    poses: np.ndarray


def synchronised_updates(experiment: Experiment) -> int:
    """The number of updates, from the first on, whose poses come from registration."""
    options, avae = experiment.options, experiment.avae
    if not options.train.search or not can_agree(avae.group, avae.ranges):
        return 0
    return min(options.train.synchronised, options.train.steps)


def synchronise(experiment: Experiment) -> Synchronised | None:
    """Registers the first training examples with one another.

    A function of the experiment alone; `None` if the poses are not confirmed, as in strong noise.
    """
    options, avae = experiment.options, experiment.avae
    examples = experiment.dataset.train[: EXAMPLES[avae.group.d]]
    print(f"Registering {len(examples):,} examples with one another.", flush=True)
    with jax.default_device(jax.local_devices()[0]):
        if options.data.pose == "random":
            keys = example_keys(stream(options, "synchronised"), np.arange(len(examples)))
            pose = jax.jit(functools.partial(pose_batch, avae=avae))
            starts = range(0, len(examples), TOGETHER)
            parts = [slice(start, start + TOGETHER) for start in starts]
            examples = np.concatenate([pose(keys[part], examples[part])[0] for part in parts])
        found = agreed_poses(examples, avae=avae)
    if found.confirmed < CONFIRMED:
        print("Examples resemble one another too little to be registered: the search begins.")
        return None
    print(f"They agree on poses ({found.confirmed:.2f} of 1), which the first updates take.")
    return Synchronised(np.asarray(examples), found.poses)


def synchronised_batch(
    experiment: Experiment, registered: Synchronised, step: int
) -> tuple[Array, Array, Array]:
    """The examples of one update, their indices and their poses; a function of the step alone."""
    options = experiment.options
    index = data.batch_indices(
        step,
        batch_size=options.train.batch_size,
        examples=len(registered.poses),
        seed=options.seed,
    )
    split = functools.partial(sharding.split, sharers=sharding.sharers(len(index)))
    examples, poses = (split(part, index) for part in registered)
    return examples, split(index.astype(np.int32)), poses
