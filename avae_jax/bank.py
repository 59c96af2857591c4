"""A bank of posed prototypes: where to start a search, for the price of a matrix product.

Prototypes are objects the model itself has decoded. Each is brought to standard position
and size by its moments, turned by an even set of rotations, pooled to a few hundred
pixels and kept as one row of a matrix. An observation, brought to standard position by
its own moments, is scored against all rows at once by its log-likelihood. The best few
rotations, apart from each other, are starts; the objective decides among them.
"""

import dataclasses
import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.likelihood import EPS
from avae_jax.objective import AVAE, render
from avae_jax.options import RangeOptions
from avae_jax.pose_search.select import best_apart
from avae_jax.transform.families import Family
from avae_jax.transform.frame import Frame
from avae_jax.transform.matrices import identity, inverse, matmul
from avae_jax.transform.moments import normaliser
from avae_jax.transform.poses import even_points, from_unit, mirror
from avae_jax.transform.warp import warp
from avae_jax.types import Array, Params

# Pooled sides: enough to tell poses apart by some 10 degrees.
POOLED = {2: 10, 3: 8}


class Bank(NamedTuple):
    """Templates of K prototypes at A rotations, over D pooled pixels.

    Attributes:
      weights, bias: `[K, A, D]` and `[K, A]`: the score of x is weights . x + bias, in nats
        up to a constant.
      poses: `[K, A, d + 1, d + 1]`, from the normalised observation to the canonical frame.
    """

    weights: Array
    bias: Array
    poses: Array


def rotations(group: Family, ranges: RangeOptions, count: int) -> Array:
    """An even set of the rotations of a family, `[A, d + 1, d + 1]`; with mirror images."""
    names = tuple(name for name in group.generators if name.startswith("rotation"))
    if names:
        turns = dataclasses.replace(group, generators=names)
        points = jnp.asarray(even_points(count, len(names)), jnp.float32)
        poses = jax.vmap(lambda u: from_unit(turns, ranges, u))(points)
    else:
        poses = identity(group.d)[None]
    if not ranges.reflect:
        return poses
    return jnp.concatenate([poses, matmul(poses, jnp.asarray(mirror(group.d))[None])])


def pooled_frame(inner: Frame) -> tuple[Frame, int]:
    """The frame of pooled images, and by how much it is coarser."""
    factor = max(1, math.ceil(max(inner.shape) / POOLED[inner.d]))
    shape = tuple(math.ceil(n / factor) for n in inner.shape)
    return Frame(shape, inner.unit, tuple(s * factor for s in inner.spacing)), factor


def pooled(image: Array, pose: Array, *, avae: AVAE) -> Array:
    """`image: [*S, C]` moved by `pose` and averaged over blocks, `[*pooled, C]`."""
    coarse, factor = pooled_frame(avae.inner)
    fine = dataclasses.replace(avae.inner, shape=tuple(n * factor for n in coarse.shape))
    moved = warp(image, pose, avae.fill, source=avae.inner, target=fine)
    blocks = moved.reshape(*(n for side in coarse.shape for n in (side, factor)), -1)
    return blocks.mean(tuple(range(1, 2 * coarse.d, 2)))


def build(params: Params, prototypes: Array, *, avae: AVAE, turns: int) -> Bank:
    """The bank of the objects decoded from `prototypes: [K, Z]`.

    Args:
      turns: how many rotations; a family without any has one.
    """
    coarse, _ = pooled_frame(avae.inner)
    turned = rotations(avae.group, avae.ranges, turns)

    def one(z: Array) -> tuple[Array, Array]:
        drawn = render(params, z, avae=avae)
        normal = normaliser(drawn, avae.fill, grid=avae.inner, group=avae.group)
        small = pooled(drawn, normal, avae=avae)
        turn = functools.partial(warp, small, fill=avae.fill, source=coarse, target=coarse)
        back = matmul(inverse(normal)[None], inverse(turned))
        return jax.vmap(turn)(turned).reshape(len(turned), -1), back

    means, poses = jax.vmap(one)(prototypes)
    return Bank(*_scores(means, avae), poses)


def _scores(means: Array, avae: AVAE) -> tuple[Array, Array]:
    """Rows `[..., D]` and offsets `[...]` that make log-likelihoods of means `[..., D]`."""
    if avae.likelihood == "bernoulli":
        p = EPS + (1 - 2 * EPS) * jnp.clip(means, 0, 1)
        return jnp.log(p) - jnp.log1p(-p), jnp.log1p(-p).sum(-1)
    return means, -(means * means).sum(-1) / 2


def propose(bank: Bank, x: Array, *, avae: AVAE, count: int, degrees: float) -> Array:
    """The most promising poses of one observation.

    Args:
      x: `[*S, C]`.
      count: R, how many.
      degrees: proposals are apart by at least this.

    Returns:
      `[R, d + 1, d + 1]`, carrying the observation to the canonical frame.
    """
    normal = normaliser(x, avae.fill, grid=avae.inner, group=avae.group)
    seen = pooled(x, normal, avae=avae).reshape(-1)
    scores = bank.weights @ seen + bank.bias
    # One prototype, the best, speaks for each rotation.
    best = scores.argmax(0)
    poses = matmul(bank.poses[best, jnp.arange(best.size)], normal[None])
    keep = min(count, best.size)
    return poses[best_apart(poses, -scores.max(0), keep=keep, degrees=degrees)]
