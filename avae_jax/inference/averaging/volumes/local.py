"""Poses between the samples: Gauss-Newton in rotation and shift, and averages of volumes so posed.

The log-posterior of one volume around its maximum is taken for a quadratic form, whose volume is
the evidence of the class.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.even_map import even_map
from avae_jax.core.types import Array
from avae_jax.inference.averaging.model import contrast_moments, evidence
from avae_jax.inference.averaging.volumes.level import Level
from avae_jax.inference.averaging.volumes.model import Common, read
from avae_jax.transform.matrices import exponential

STEPS = 6
FIRST_DAMPING, EASIER, HARDER = 1e-2, 0.2, 8.0
LOOSE = 1e-2  # the least curvature: of rotations in radians, of shifts in voxels
WORKED = 2**17  # points of volumes posed at once


class Poses(NamedTuple):
    """Poses of N volumes, as many as C each towards one class.

    Attributes:
      rotation: of the object, `[N, C, 3, 3]`.
      shift: voxels from the volumes' centres, `[N, C, 3]`.
      logs: log of likelihood ratio and prior, the pose integrated out around it, `[N, C]`.
      spread: posterior covariance of rotation (radians) and shift, in the object's frame,
        `[N, C, 6, 6]`.
      product, norm: of volume and template over the noise, `[N, C]`.
    """

    rotation: Array
    shift: Array
    logs: Array
    spread: Array
    product: Array
    norm: Array


class _Form(NamedTuple):
    value: Array
    slope: Array
    bend: Array
    product: Array
    norm: Array


def fields(average: Array) -> Array:
    """An average and its derivatives by the three axes, `[n, n, n, 4]`, per voxel."""
    slopes = [(jnp.roll(average, -1, i) - jnp.roll(average, 1, i)) / 2 for i in range(3)]
    return jnp.stack([average, *slopes], -1)


@functools.partial(jax.jit, static_argnames=("level", "steps"))
def refined(
    sums: Array,
    weights: Array,
    centres: Array,
    average: Array,
    common: Common,
    rotation: Array,
    shift: Array,
    *,
    level: Level,
    steps: int = STEPS,
) -> Poses:
    """Poses from where they start on to their maximum.

    Args:
      sums, weights: blocks `[N, P]`, as `Blocks` without shifts.
      average: `[n, n, n]`, as blocks show it.
      rotation, shift: `[N, C, 3, 3]`, `[N, C, 3]`.
    """
    field = fields(average)

    def one(item: tuple[Array, ...]) -> Poses:
        mine, rotations, shifts = item[:3], item[3], item[4]
        return jax.vmap(lambda r, t: _climbed(mine, field, common, r, t, level, steps))(
            rotations, shifts
        )

    together = max(1, WORKED // (len(level.points) * rotation.shape[1]))
    return even_map(one, (sums, weights, centres, rotation, shift), most=together)


def _climbed(
    volume: tuple[Array, ...],
    field: Array,
    common: Common,
    rotation: Array,
    shift: Array,
    level: Level,
    steps: int,
) -> Poses:
    """The pose of one volume after damped Gauss-Newton steps, of which only gains are taken."""

    def form(rotation: Array, shift: Array) -> _Form:
        return _form(volume, field, common, rotation, shift, level)

    def step(state: tuple, _: None) -> tuple[tuple, None]:
        rotation, shift, now, damping = state
        damped = now.bend + jnp.diag(damping * jnp.diag(now.bend))
        change = jnp.clip(jnp.linalg.solve(damped, now.slope), -1.0, 1.0)
        turned = rotation @ exponential(_cross_matrix(change[:3]))
        moved = shift + rotation @ change[3:]
        then = form(turned, moved)
        better = then.value > now.value
        kept = jax.tree.map(
            lambda new, old: jnp.where(better, new, old),
            (turned, moved, then),
            (rotation, shift, now),
        )
        return (*kept, damping * jnp.where(better, EASIER, HARDER)), None

    begun = (rotation, shift, form(rotation, shift), jnp.float32(FIRST_DAMPING))
    (rotation, shift, last, _), _ = jax.lax.scan(step, begun, None, length=steps)
    volume_of = 3 * float(np.log(2 * np.pi)) - 0.5 * jnp.linalg.slogdet(last.bend)[1]
    logs = last.value + volume_of - float(np.log(8 * np.pi**2))
    return Poses(rotation, shift, logs, jnp.linalg.inv(last.bend), last.product, last.norm)


def _form(
    volume: tuple[Array, ...],
    field: Array,
    common: Common,
    rotation: Array,
    shift: Array,
    level: Level,
) -> _Form:
    """The log-posterior density, its slope and its curvature by rotation and shift."""
    sums, weights, centre = volume
    points = (jnp.asarray(level.points) - shift[None]) @ rotation
    found = read(field, points)
    drawn, slopes = found[:, 0], found[:, 1:]
    product = (sums * drawn).sum() / common.noise
    norm = (weights * drawn**2).sum() / common.noise
    mean, _ = contrast_moments(product, norm, common.contrast)
    columns = jnp.concatenate([jnp.cross(slopes, points), -slopes], 1)
    slope = mean * columns.T @ (sums - mean * weights * drawn) / common.noise
    bend = mean**2 * columns.T @ (weights[:, None] * columns) / common.noise
    held, far = 1 / common.spread**2, centre + shift
    slope = slope.at[3:].add(-held * (far @ rotation))
    bend = bend + jnp.diag(
        jnp.array([LOOSE] * 3 + [0.0] * 3) + held * jnp.array([0.0] * 3 + [1.0] * 3)
    )
    prior = -held * (far**2).sum() / 2 + 1.5 * jnp.log(held / (2 * jnp.pi))
    return _Form(evidence(product, norm, common.contrast) + prior, slope, bend, product, norm)


def _cross_matrix(v: Array) -> Array:
    zero = jnp.zeros_like(v[0])
    return jnp.stack([zero, -v[2], v[1], v[2], zero, -v[0], -v[1], v[0], zero]).reshape(3, 3)


@jax.jit
def averaged(
    values: Array,
    observed: Array,
    which: Array,
    rotation: Array,
    shift: Array,
    held: Array,
    seen: Array,
    half: Array,
) -> Array:
    """Volumes turned back and added up with their coverage, by halves: `[2, 2, n, n, n]`.

    Args:
      values, observed: `[N, n, n, n]`.
      which: the volume of each of M poses.
      rotation, shift: `[M, 3, 3]`, `[M, 3]`.
      held, seen: of each pose, contrast and squared contrast, weighted, `[M]`.
      half: 0 or 1 for each pose.
    """
    n = values.shape[1]
    level = Level(n, 1)
    points, kept = jnp.asarray(level.points), level.kept

    def add(total: Array, item: tuple) -> tuple[Array, None]:
        index, rotation, shift, held, seen, half = item
        field = jnp.stack([values[index], observed[index]], -1)
        found = read(field, points @ rotation.T + shift[None])
        return total.at[half].add(found * jnp.stack([held, seen])[None]), None

    items = (which, rotation, shift, held, seen, half)
    total, _ = jax.lax.scan(add, jnp.zeros((2, len(kept), 2)), items)
    made = jnp.zeros((2, 2, n**3)).at[:, :, kept].set(jnp.moveaxis(total, -1, 0))
    return made.reshape(2, 2, n, n, n)
