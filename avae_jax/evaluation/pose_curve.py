"""Loss against the pose of the input: nearly constant with the search, peaked without."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core import sharding
from avae_jax.core.types import Array, PyTree
from avae_jax.evaluation.held_out import CompiledEvaluation, in_batches
from avae_jax.evaluation.task import Task
from avae_jax.inference.trained import Trained
from avae_jax.models.objective import AVAE, turned
from avae_jax.transform.families import axis_numbers
from avae_jax.transform.matrices import affine, plane_rotation


class PoseCurve(NamedTuple):
    """Mean loss of upright examples moved along one pose parameter, in nats."""

    values: np.ndarray
    without_search: np.ndarray
    with_search: np.ndarray
    label: str


def loss_against_pose(task: Task, trained: Trained, calls: CompiledEvaluation) -> PoseCurve:
    """Loss against the pose, along the first rotation (or else the first shift)."""
    options, avae = task.options, task.avae
    values, poses, label = _path(task)
    count = min(options.eval.curve_examples, len(task.dataset.test))
    means = []
    move = sharding.examples(functools.partial(_move, avae=avae), whole=("pose",))
    search = functools.partial(calls.search, params=trained.params, bank=trained.bank)
    for pose in poses:

        def one(x: Array, index: Array, pose: np.ndarray = pose) -> PyTree:
            moved = move(x=x, pose=pose)
            found = search(x=moved, index=index).pose
            loss = functools.partial(calls.loss, params=trained.params, x=moved, index=index)
            return loss(poses=calls.unmoved(x=moved)), loss(poses=found)

        means.append([part.mean() for part in in_batches(one, task, count)])
    without, with_search = np.array(means).T
    return PoseCurve(values, without, with_search, label)


def _move(x: Array, pose: Array, *, avae: AVAE) -> Array:
    """Examples `x: [B, *S, C]` moved by one pose."""
    return jax.vmap(lambda one: turned(one, pose, avae=avae))(x)


def _path(task: Task) -> tuple[np.ndarray, np.ndarray, str]:
    """Values along the path, poses there, and the label of the axis."""
    group, ranges = task.avae.group, task.options.ranges
    points = task.options.eval.curve_points
    d = group.d
    turns = [name for name in group.generators if name.startswith("rotation")]
    if turns:
        plane = turns[-1].removeprefix("rotation_")
        axes = axis_numbers(plane, d)
        values = np.linspace(-ranges.rotation, ranges.rotation, points + 1)
        rotations = plane_rotation(jnp.radians(jnp.asarray(values, jnp.float32)), axes, d)
        poses = affine(rotations, jnp.zeros((len(values), d)))
        return values, np.asarray(poses), "rotation of the input (degrees)"
    values = np.linspace(-ranges.shift, ranges.shift, points + 1)
    poses = np.tile(np.eye(d + 1, dtype=np.float32), (len(values), 1, 1))
    poses[:, d - 1, d] = 2 * values
    return 100 * values, poses, "shift of the input (% of the longest side)"
