"""Poses remembered from visit to visit, for examples that keep their poses.

A search of all starts is needed once for each example, and now and then to leave an optimum that
another one beats. At every other visit the pose of the last visit, moved on by a step, is enough.
"""

import functools
import re
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp

from avae_jax.config.options import SearchOptions
from avae_jax.core import collectives
from avae_jax.core.collectives import Axes
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.problem import bounded, prepare, problem
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.inference.search import gauss_newton
from avae_jax.inference.search.batching import over_pairs
from avae_jax.models.affine_model import AVAE
from avae_jax.models.objective import Reconstruction, render_at_pose

# Nats by which another optimum must beat the remembered pose. Between optima that explain an
# example equally well the noise of a sampled code would decide anew at every search.
MARGIN = 1.0
# Factor on a step of registration, and the longest one in radians, coordinates or logarithms.
REACH, FARTHEST = 1.0, 0.1
# Examples searched at once, as a share of the batch: those that need no search cost nothing.
SHARE = 4
# Indices are sent as two numbers below this, which 32 bits of a float hold exactly.
BASE = 4096
MOST_EXAMPLES = 2**26  # of a table that is read without its data


class Visited(flax.struct.PyTreeNode):
    """The table of N training examples, part of the training state.

    Attributes:
      poses: `[N, d + 1, d + 1]`, from the observation to the canonical frame, for the next visit.
      known: `[N]`, whether there was one.
    """

    poses: Array
    known: Array


def never_visited(examples: int, d: int) -> Visited:
    """The table before the first visit."""
    still = jnp.eye(d + 1, dtype=jnp.float32)
    poses = jnp.broadcast_to(still, (examples, *still.shape))
    return Visited(poses, jnp.zeros(examples, bool))


def table_as_saved(
    visited: Visited | None, arrays: dict[str, str], *, place: jax.sharding.Sharding
) -> Visited | None:
    """The table that a checkpoint holds, for reading into; its size is that of the data.

    Args:
      visited: the wanted one, if the data are known.
      arrays: what the checkpoint holds, see `checkpoint_seal.description`.
      place: of its arrays.
    """
    dtype, _, shape = arrays.get(".visited.poses", "").partition("(")
    if not dtype:
        return None
    rows, *matrix = map(int, re.findall(r"\d+", shape))
    if visited is not None or rows > MOST_EXAMPLES:
        return visited
    leaf = functools.partial(jax.ShapeDtypeStruct, sharding=place)
    return Visited(leaf((rows, *matrix), jnp.dtype(dtype)), leaf((rows,), jnp.dtype(bool)))


def is_concrete(visited: Visited | None) -> bool:
    """Whether this is a table and not the shapes of one."""
    return visited is not None and isinstance(visited.poses, jax.Array)


def remembering(visited: Visited, index: Array, poses: Array, *, axes: Axes | None) -> Visited:
    """The table after a visit of the examples `index: [B]` at `poses: [B, d + 1, d + 1]`.

    Args:
      axes: mesh axes of the devices that share the batch; all get the same table.
    """
    if axes is not None:
        # As floats they join the one sum over devices of an update.
        parts = jnp.stack([index // BASE, index % BASE], -1).astype(poses.dtype)
        parts, poses = collectives.joined(parts, axes), collectives.joined(poses, axes)
        index = parts[:, 0].astype(jnp.int32) * BASE + parts[:, 1].astype(jnp.int32)
    return Visited(visited.poses.at[index].set(poses), visited.known.at[index].set(True))


class Task(NamedTuple):
    """What every search of a train step shares; `bank` is called where one is needed."""

    params: Params
    avae: AVAE
    options: SearchOptions
    bank: Any
    axes: Axes | None


def revisited(
    visited: Visited, step: Array, index: Array, keys: Key, noise: Key, x: Array, *, task: Task
) -> tuple[Array, Array]:
    """The poses of examples `x: [B, *S, C]`, and the number of losses that were not finite.

    All starts are searched of an example without a pose, and of every example where `step` is a
    multiple of `search.every`. The result of an example does not depend on the rest of its batch.

    Args:
      index: `[B]`, their places in the table.
      keys, noise: `[B]`, as for `find_poses`.
    """
    last, known = visited.poses[index], visited.known[index]
    due = ~known | (step % task.options.every == 0)

    def searched() -> tuple[Array, Array]:
        losses = jnp.where(known, _losses(noise, x, last, task=task), jnp.inf)
        default = Found(last, losses, jnp.zeros(len(x), jnp.int32))
        found = _searched(due, keys, noise, x, default, task=task)
        # A remembered loss that is no number loses too.
        won = ~known | ~(found.losses >= losses - MARGIN)
        return jnp.where(won[:, None, None], found.poses, last), found.nonfinite.sum()

    return jax.lax.cond(due.any(), searched, lambda: (last, jnp.zeros((), jnp.int32)))


def _losses(noise: Key, x: Array, poses: Array, *, task: Task) -> Array:
    """The losses `[B]` at `poses`, not divided between the devices that share examples."""
    whole = problem(task.params, task.avae)
    seen = jax.vmap(lambda one, key: prepare(one, avae=task.avae, noise=key))(x, noise)
    chunk = bounded(task.options, task.avae).chunk
    return over_pairs(whole.value, seen, poses[:, None], chunk=chunk)[:, 0]


def onward(params: Params, x: Array, poses: Array, drawn: Reconstruction, *, avae: AVAE) -> Array:
    """`poses: [B, d + 1, d + 1]` after a step of registration, for the next visit.

    An update decodes every example at its pose anyway, so the step costs the derivatives of the
    rendering and no pass through the networks. No loss confirms it: it is a short one.

    Args:
      x: `[B, *S, C]`.
      drawn: the objects that the update decoded.
    """

    def one(example: Array, pose: Array, held: Reconstruction) -> Array:
        hold = functools.partial(render_at_pose, held, avae=avae)
        task = problem(params, avae)._replace(hold=lambda seen, pose: hold)
        local = gauss_newton.linearise(task, prepare(example, avae=avae), pose, held=True)
        step = REACH * gauss_newton.step_of(local, jnp.asarray(gauss_newton.START, x.dtype))
        step = jnp.where(jnp.isfinite(step).all(), step, 0)
        return task.retract(pose, jnp.clip(step, -FARTHEST, FARTHEST))

    params, drawn = jax.lax.stop_gradient((params, drawn))
    return jax.vmap(one)(x, poses, drawn)


class Found(NamedTuple):
    """Poses `[B, d + 1, d + 1]`, their losses `[B]` and the numbers `[B]` of others not finite."""

    poses: Array
    losses: Array
    nonfinite: Array


def _searched(due: Array, keys: Key, noise: Key, x: Array, default: Found, *, task: Task) -> Found:
    """The results of the searches that are due; elsewhere the default, which costs nothing."""
    count = len(x)
    size = max(1, count // SHARE)
    bank: TemplateBank | None = task.bank()
    order = jnp.concatenate([jnp.argsort(~due, stable=True), jnp.full(size, count)])
    total = due.sum()

    def work(state: tuple[Array, Found]) -> tuple[Array, Found]:
        group, found = state
        place = jax.lax.dynamic_slice_in_dim(order, group * size, size)
        row = jnp.minimum(place, count - 1)
        options: dict[str, Any] = {"options": task.options, "bank": bank, "axes": task.axes}
        here = find_poses(
            task.params, keys[row], x[row], noise=noise[row], avae=task.avae, **options
        )
        rows = Found(here.pose, here.loss, here.nonfinite.astype(jnp.int32))
        place = jnp.where(group * size + jnp.arange(size) < total, place, count)
        put = jax.tree.map(lambda a, b: a.at[place].set(b, mode="drop"), found, rows)
        return group + 1, put

    begin = jnp.zeros((), total.dtype), default
    return jax.lax.while_loop(lambda state: state[0] * size < total, work, begin)[1]
