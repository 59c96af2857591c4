"""Template bank: decoded prototypes at many rotations, compared by one matrix product.

Prototypes are decoded objects. Image moments move each to standard position and size. It is
then rotated by an even set of rotations and pooled to a few hundred pixels; each rotation is
one row of a matrix. An observation, moved to standard position by its own moments, is scored
against all rows at once by its log-likelihood. The best few distinct rotations are starts; the
objective decides among them.
"""

import dataclasses
import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions
from avae_jax.core.even_map import even_map
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.proposals.pose_head import PoseHead, no_signal
from avae_jax.inference.search.select import best_apart, lowest, near
from avae_jax.models.likelihoods import LIKELIHOODS
from avae_jax.models.objective import AVAE, render, shown
from avae_jax.models.observed import filled, known
from avae_jax.transform.families import Family
from avae_jax.transform.frame import Frame
from avae_jax.transform.image_moments import normaliser
from avae_jax.transform.matrices import affine, identity, inverse, matmul
from avae_jax.transform.prior import within
from avae_jax.transform.sampling import (
    even_points,
    even_rotations,
    from_unit,
    mirror,
    quaternion_matrix,
)
from avae_jax.transform.warp import warp

# Pooled sides: enough to distinguish poses that differ by some 10 degrees.
POOLED = {2: 10, 3: 8}
HEAD_SIDES = {2: 20, 3: 8}
# Nats of a pooled log-likelihood for one unit of a logit: pooled pixels are correlated.
TEMPERATURE = 10.0


class TemplateBank(NamedTuple):
    """Templates of K prototypes at A rotations, over D pooled pixels.

    Attributes:
      weights, bias: `[K, A, D]` and `[K, A]`; the score of x is weights . x + bias, in nats
        up to a constant.
      poses: `[K, A, d + 1, d + 1]`, from the normalised observation to the canonical frame.
      head: weights of a pose head that has learned to rank the rotations; `None` without.
    """

    weights: Array
    bias: Array
    poses: Array
    head: Params | None = None


def rotations(group: Family, ranges: RangeOptions, count: int) -> Array:
    """An even set of the rotations of a family, `[A, d + 1, d + 1]`; with mirror images."""
    names = tuple(name for name in group.generators if name.startswith("rotation"))
    if len(names) == 3 and ranges.rotation >= 180:
        turned = jax.vmap(quaternion_matrix)(jnp.asarray(even_rotations(count), jnp.float32))
        poses = affine(turned, jnp.zeros(turned.shape[:-1]))
    elif names:
        turns = dataclasses.replace(group, generators=names)
        points = jnp.asarray(even_points(count, len(names)), jnp.float32)
        poses = jax.vmap(lambda u: from_unit(turns, ranges, u))(points)
    else:
        poses = identity(group.d)[None]
    if not ranges.reflect:
        return poses
    return jnp.concatenate([poses, matmul(poses, jnp.asarray(mirror(group.d))[None])])


def pooled_frame(inner: Frame, side: int) -> tuple[Frame, int]:
    """The frame of images pooled to at most `side`, and the factor of pooling."""
    factor = max(1, math.ceil(max(inner.shape) / side))
    shape = tuple(math.ceil(n / factor) for n in inner.shape)
    return Frame(shape, inner.unit, tuple(s * factor for s in inner.spacing)), factor


def pooled(image: Array, pose: Array, *, avae: AVAE, side: int | None = None) -> Array:
    """`image: [*S, C]` moved by `pose` and averaged over blocks, `[*pooled, C]`."""
    coarse, factor = pooled_frame(avae.inner, side or POOLED[avae.group.d])
    fine = dataclasses.replace(avae.inner, shape=tuple(n * factor for n in coarse.shape))
    means = warp(image, pose, avae.fill, source=avae.inner, target=fine)
    # One product for each axis: XLA fuses a plain mean with the resampler into a scalar CPU loop.
    for axis, count in enumerate(coarse.shape):
        blocks = np.repeat(np.eye(count, dtype=np.float32), factor, axis=1) / factor
        means = jnp.tensordot(blocks, means, (1, axis), precision="highest")
        means = jnp.moveaxis(means, 0, axis)
    return means


# Recent codes kept in training; the prototypes are their cluster centres.
REMEMBERED = 256
LLOYD_STEPS = 10
# Rotations computed at once, to fit the cache of a CPU (6 times as fast as all at once).
TOGETHER = 32


def kmeans(points: Array, count: int) -> Array:
    """`count` centres of `points: [N, Z]` by k-means; the points if there are no more.

    Part of the compiled train step, hence not from a library. The first centres are points at
    even positions in `points`, so that no key is needed; a poor start may miss a cluster.
    """
    if len(points) <= count:
        return points
    begin = points[np.linspace(0, len(points) - 1, count).astype(int)]

    def step(means: Array, _: None) -> tuple[Array, None]:
        distance = ((points[:, None] - means[None]) ** 2).sum(-1)
        member = jax.nn.one_hot(distance.argmin(1), count, dtype=points.dtype)
        size = member.sum(0)[:, None]
        total = jnp.matmul(member.T, points, precision="highest")
        return jnp.where(size > 0, total / jnp.maximum(size, 1), means), None

    return jax.lax.scan(step, begin, None, length=LLOYD_STEPS)[0]


def build_templates(params: Params, prototypes: Array, *, avae: AVAE, turns: int) -> TemplateBank:
    """The bank of the objects decoded from `prototypes: [K, Z]`.

    Args:
      turns: number of rotations; 1 for a family without rotations.
    """
    coarse, _ = pooled_frame(avae.inner, POOLED[avae.group.d])
    turned = rotations(avae.group, avae.ranges, turns)

    def one(z: Array) -> tuple[Array, Array]:
        drawn = render(params, z, avae=avae)
        normal = normaliser(drawn, avae.fill, frame=avae.inner, group=avae.group)
        back = matmul(inverse(normal)[None], inverse(turned))
        return pooled(drawn, normal, avae=avae), back

    small, poses = jax.vmap(one)(prototypes)
    # The prototypes are channels of one image: a rotation computes its pixel positions once.
    stacked = jnp.moveaxis(small, 0, -2).reshape(*coarse.shape, -1)
    fill = jnp.tile(avae.fill, len(prototypes))
    turn = functools.partial(warp, stacked, fill=fill, source=coarse, target=coarse)
    means = even_map(turn, turned, most=TOGETHER).reshape(
        len(turned), *coarse.shape, len(prototypes), -1
    )
    means = jnp.moveaxis(means, -2, 0).reshape(len(prototypes), len(turned), -1)
    return TemplateBank(*LIKELIHOODS[avae.likelihood].templates(means), poses)


class Ranking(NamedTuple):
    """All poses of a bank for one observation, `[A, d + 1, d + 1]`, and their logits `[A]`."""

    poses: Array
    logits: Array


def score_templates(bank: TemplateBank, x: Array, *, avae: AVAE) -> Ranking:
    """Logits of the poses of an observation `x: [*S, C]`, by the bank and its head.

    Templates are scored on observed pixels; moments and the head take `fill` for the others.
    """
    image = shown(x, avae=avae)
    normal = normaliser(image, avae.fill, frame=avae.inner, group=avae.group)
    scores = _match(bank, x, normal, avae)
    # Maximum over prototypes for each rotation.
    best = lowest(-scores)
    poses = matmul(bank.poses[best, jnp.arange(best.size)], normal[None])
    logits = (scores.max(0) - scores.max()) / TEMPERATURE
    if bank.head is None:
        return Ranking(poses, logits)
    seen = pooled(image, normal, avae=avae, side=HEAD_SIDES[avae.group.d])
    own = jnp.asarray(PoseHead(best.size).apply(bank.head, seen, logits))
    return Ranking(poses, own)


def _match(bank: TemplateBank, x: Array, normal: Array, avae: AVAE) -> Array:
    """The scores `[K, A]` of the templates for `x` in standard position."""
    if not avae.masked:
        return bank.weights @ pooled(x, normal, avae=avae).reshape(-1) + bank.bias
    seen = pooled(filled(x, jnp.zeros_like(avae.fill)), normal, avae=avae).reshape(-1)
    ones = avae._replace(fill=jnp.ones_like(avae.fill))
    share = pooled(known(x), normal, avae=ones).reshape(-1)
    offsets = LIKELIHOODS[avae.likelihood].pixel_offsets(bank.weights)
    return bank.weights @ seen + offsets @ share


def init_head(key: Key, *, avae: AVAE, turns: int) -> Params:
    """Weights of a pose head for a bank of `turns` rotations, with zero logits."""
    group = avae.group
    count = jax.eval_shape(lambda: rotations(group, avae.ranges, turns)).shape[0]
    coarse, _ = pooled_frame(avae.inner, HEAD_SIDES[group.d])
    signal = no_signal((*coarse.shape, avae.fill.shape[0]), count)
    return jax.jit(PoseHead(count).init)(key, *signal)


class Proposals(NamedTuple):
    """Starting poses, and the probability that fewer are not enough.

    Attributes:
      poses: `[R, d + 1, d + 1]`, carrying the observation to the canonical frame, best first.
      doubt: `[R]`, the probability that the bank and its head give to poses far from all
        earlier proposals; 1 for the first.
    """

    poses: Array
    doubt: Array


def propose_starts(
    bank: TemplateBank, x: Array, *, avae: AVAE, count: int, degrees: float
) -> Proposals:
    """The most promising poses of one observation.

    Args:
      x: `[*S, C]`.
      count: R, number of proposals; at most the number of poses of the bank.
      degrees: least angle between proposals, as long as there are enough such poses.
    """
    poses, logits = score_templates(bank, x, avae=avae)
    keep = min(count, len(poses))
    taken = poses[best_apart(poses, -logits, keep=keep, degrees=degrees)]
    covered = jax.lax.cummax(near(poses, taken, degrees=degrees).astype(logits.dtype), 1)
    left = ((1 - covered) * jax.nn.softmax(logits)[:, None]).sum(0)
    doubt = jnp.concatenate([jnp.ones(1), left[:-1]])
    # Moments may exceed the bounds of the prior; its penalties there would hide good starts.
    reached = jax.vmap(functools.partial(within, avae.group, avae.ranges))(taken)
    return Proposals(reached, doubt)
