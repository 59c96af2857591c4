"""One round of expectation and maximisation, in matrix products, batch by batch."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array
from avae_jax.inference.averaging.disc import moved, ring_sums
from avae_jax.inference.averaging.model import (
    Common,
    contrast_moments,
    evidence,
    log_prior_of_shifts,
)
from avae_jax.inference.averaging.sampling import Level
from avae_jax.inference.averaging.turn import turned, turned_back


class Batch(NamedTuple):
    """Images of one batch, moved back by what their shifts are thought to be.

    Attributes:
      vectors: `[B, C, P]`.
      centres: pixels they were moved back by, `[B, 2]`.
      weight: 1, or 0 for what only fills the batch, `[B]`.
    """

    vectors: Array
    centres: Array
    weight: Array


class Sums(NamedTuple):
    """What the images of one class add up to, by angle.

    Attributes:
      images: `[A, C, P]`, moved back and weighted.
      seen: squared contrasts, weighted, `[A]`.
      members: `[A]`.
      sure: the squares of the weights, summed; `members` in all where each image has one class.
      drift: the shifts' sum, pixels, `[A, 2]`.
      contrast, shift: sums of squared deviations.
    """

    images: Array
    seen: Array
    members: Array
    sure: Array
    drift: Array
    contrast: Array
    shift: Array


@functools.partial(jax.jit, static_argnames="level")
def bank(average: Array, noise: Array, jitter: Array, *, level: Level) -> tuple[Array, Array]:
    """Templates `[A, C, P]` of an average `[C, P]`, and their norms `[A]` over the noise."""
    templates = turned(average, level.angles + jitter, level.disc)
    return templates, (templates**2 / noise[None, :, level.disc.rings]).sum((1, 2))


@functools.partial(jax.jit, static_argnames="level")
def products(batch: Batch, templates: Array, noise: Array, *, level: Level) -> Array:
    """Products `[B, A, S]` of images and templates over the noise."""
    weighted = templates / noise[None, :, level.disc.rings]
    shifted = moved(weighted[:, None], level.shifts[None, :, None], level.disc)
    flat = shifted.reshape(level.turns * len(level.shifts), -1)
    found = batch.vectors.reshape(len(batch.weight), -1) @ flat.T
    return found.reshape(-1, level.turns, len(level.shifts))


@functools.partial(jax.jit, static_argnames="level")
def log_poses(
    product: Array, norms: Array, batch: Batch, common: Common, share: Array, *, level: Level
) -> Array:
    """Log of class share, prior and likelihood ratio at every pose, `[B, A, S]`."""
    prior = log_prior_of_shifts(jnp.asarray(level.shifts), batch.centres, common.spread)
    likely = evidence(product, norms[None, :, None], common.contrast)
    return likely + prior[:, None] + jnp.log(share / level.turns)


@functools.partial(jax.jit, static_argnames="level")
def log_class(
    product: Array, norms: Array, batch: Batch, common: Common, share: Array, *, level: Level
) -> Array:
    """Log of class share and likelihood ratio, poses summed over, `[B]`."""
    found = log_poses(product, norms, batch, common, share, level=level)
    return jax.nn.logsumexp(found, axis=(1, 2))


@functools.partial(jax.jit, static_argnames="level")
def gathered(
    product: Array,
    norms: Array,
    batch: Batch,
    common: Common,
    share: Array,
    total: Array,
    *,
    level: Level,
) -> Sums:
    """What a batch adds to a class, `total [B]` being the log of the likelihood ratio of all."""
    found = log_poses(product, norms, batch, common, share, level=level)
    weight = jnp.exp(found - total[:, None, None]) * batch.weight[:, None, None]
    mean, square = contrast_moments(product, norms[None, :, None], common.contrast)
    far = batch.centres[:, None] + level.shifts[None]
    flat = batch.vectors.reshape(len(total), -1)
    held = (weight * mean).reshape(len(total), -1).T @ flat
    held = held.reshape(level.turns, len(level.shifts), *batch.vectors.shape[1:])
    back = moved(held, -level.shifts[None, :, None], level.disc).sum(1)
    return Sums(
        back,
        (weight * square).sum((0, 2)),
        weight.sum((0, 2)),
        (weight.sum((1, 2)) ** 2).sum(),
        jnp.einsum("bas,bsi->ai", weight, far),
        (weight * (square - 2 * mean + 1)).sum(),
        (weight.sum(1) * (far**2).sum(-1)).sum() / 2,
    )


@functools.partial(jax.jit, static_argnames="level")
def averaged(
    sums: Sums, jitter: Array, common: Common, *, level: Level
) -> tuple[Array, Array, Array]:
    """The mean of the images of a class, set upright.

    Returns:
      The mean `[C, P]`; how many images it is of; the shifts' mean in its frame, pixels `[2]`.
    """
    whole = turned_back(sums.images, level.angles + jitter, level.disc, common.reach)
    seen = sums.seen.sum() + 1e-6
    cos, sin = jnp.cos(level.angles + jitter), jnp.sin(level.angles + jitter)
    y, x = sums.drift.T
    drift = jnp.stack([(cos * y + sin * x).sum(), (cos * x - sin * y).sum()])
    return whole / seen, seen, drift / (sums.members.sum() + 1e-6)


@functools.partial(jax.jit, static_argnames="level")
def unexplained(sums: Sums, templates: Array, *, level: Level) -> Array:
    """What the templates `[A, C, P]` add to the images' energy in each ring `[C, rings]`."""
    cross = (sums.images * templates).sum(0)
    own = (sums.seen[:, None, None] * templates**2).sum(0)
    return ring_sums(own - 2 * cross, level.disc)
