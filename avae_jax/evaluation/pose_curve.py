"""The loss against the pose of the input: flat with the search, a mountain without."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core import sharding
from avae_jax.core.types import Array, PyTree
from avae_jax.evaluation.held_out import Calls, Fitted, in_batches
from avae_jax.models.objective import AVAE, turned
from avae_jax.training.experiment import Experiment
from avae_jax.transform.families import AXES
from avae_jax.transform.matrices import affine, plane_rotation


class Sweep(NamedTuple):
    """Mean loss of upright examples moved along one pose parameter, in nats."""

    values: np.ndarray
    without_search: np.ndarray
    with_search: np.ndarray
    label: str


def sweep(experiment: Experiment, fitted: Fitted, calls: Calls) -> Sweep:
    """Loss against the pose, along the first rotation (or else the first shift)."""
    options, avae = experiment.options, experiment.avae
    values, poses, label = _path(experiment)
    count = min(options.eval.curve_examples, len(experiment.dataset.test))
    means = []
    move = sharding.examples(functools.partial(_move, avae=avae), whole=("pose",))
    search = functools.partial(calls.search, params=fitted.params, bank=fitted.bank)
    for pose in poses:

        def one(x: Array, index: Array, pose: np.ndarray = pose) -> PyTree:
            moved = move(x=x, pose=pose)
            found = search(x=moved, index=index).pose
            loss = functools.partial(calls.loss, params=fitted.params, x=moved, index=index)
            return loss(poses=calls.unmoved(x=moved)), loss(poses=found)

        means.append([part.mean() for part in in_batches(one, experiment, count)])
    without, with_search = np.array(means).T
    return Sweep(values, without, with_search, label)


def _move(x: Array, pose: Array, *, avae: AVAE) -> Array:
    """Examples `x: [B, *S, C]` moved by one pose."""
    return jax.vmap(lambda one: turned(one, pose, avae=avae))(x)


def _path(experiment: Experiment) -> tuple[np.ndarray, np.ndarray, str]:
    """Values along the path, poses there, and what the axis is called."""
    group, ranges = experiment.avae.group, experiment.options.ranges
    points = experiment.options.eval.curve_points
    d = group.d
    turns = [name for name in group.generators if name.startswith("rotation")]
    if turns:
        plane = turns[-1].removeprefix("rotation_")
        axes = tuple(AXES[d].index(letter) for letter in plane)
        values = np.linspace(-ranges.rotation, ranges.rotation, points + 1)
        rotations = plane_rotation(jnp.radians(jnp.asarray(values, jnp.float32)), axes, d)
        poses = affine(rotations, jnp.zeros((len(values), d)))
        return values, np.asarray(poses), "rotation of the input (degrees)"
    values = np.linspace(-ranges.shift, ranges.shift, points + 1)
    poses = np.tile(np.eye(d + 1, dtype=np.float32), (len(values), 1, 1))
    poses[:, d - 1, d] = 2 * values
    return 100 * values, poses, "shift of the input (% of the longest side)"
