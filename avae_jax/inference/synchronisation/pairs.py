"""Relative rotations of examples, from images alone.

Every example is moved to standard position by its own moments and pooled. Every pair is compared
at an even set of rotations, by one matrix product for each rotation. Of each example only the
most similar others are kept, and of each such pair the mean rotation under the softmax of the
similarities: a pair that fits at two rotations equally says nothing.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.even_map import even_map
from avae_jax.core.types import Array
from avae_jax.inference.proposals.template_bank import HEAD_SIDES, pooled, pooled_frame
from avae_jax.models.objective import AVAE, shown
from avae_jax.transform.frame import Frame
from avae_jax.transform.image_moments import normaliser
from avae_jax.transform.warp import warp

# The most similar others of each example have a say in its rotation; the next ones test it.
NEIGHBOURS, TESTS = 8, 4
# Widths, in units of the cosine between two images, chosen on digits and MNIST: of the softmax
# over rotations, and of the weight that falls with the similarity of a pair.
ROTATION_WIDTH = 0.03
PAIR_WIDTH = 0.05


class Standard(NamedTuple):
    """Examples in standard position.

    Attributes:
      images: `[*pooled, N * C]`, examples as channels, background subtracted.
      poses: `[N, d + 1, d + 1]`, from the observation to standard position.
    """

    images: Array
    poses: Array


def in_standard_position(x: Array, *, avae: AVAE) -> Standard:
    """Examples `x: [N, *S, C]` moved by their moments and pooled."""

    def one(example: Array) -> tuple[Array, Array]:
        image = shown(example, avae=avae)
        normal = normaliser(image, avae.fill, frame=avae.inner, group=avae.group)
        small = pooled(image, normal, avae=avae, side=HEAD_SIDES[avae.group.d])
        return small - jnp.broadcast_to(avae.fill, small.shape), normal

    small, poses = even_map(one, x, most=64)
    return Standard(jnp.moveaxis(small, 0, -2).reshape(*small.shape[1:-1], -1), poses)


class Pairs(NamedTuple):
    """The most similar pairs.

    Attributes:
      neighbours: `[N, K]`, indices, the most similar first.
      rotations: `[N, K, d, d]`, the mean rotation that carries a neighbour to the example, times
        the weight of the pair; zero where nothing is known.
      weights: `[N, K]`, the weight, which grows with the similarity.
    """

    neighbours: np.ndarray
    rotations: np.ndarray
    weights: np.ndarray

    def ranks(self, first: int, end: int) -> "Pairs":
        """Only some of each example, by rank."""
        return Pairs(*(part[:, first:end] for part in self))


def similar_pairs(standard: Standard, rotations: Array, *, avae: AVAE) -> Pairs:
    """The most similar pairs of examples and their relative rotations.

    Args:
      rotations: `[A, d + 1, d + 1]`.
    """
    frame = pooled_frame(avae.inner, HEAD_SIDES[avae.group.d])[0]
    task = {"frame": frame, "count": len(standard.poses)}
    best = np.array(_best(standard.images, rotations, **task))
    np.fill_diagonal(best, -np.inf)
    kept = min(NEIGHBOURS + TESTS, len(best) - 1)
    neighbours = np.argsort(-best, axis=1, kind="stable")[:, :kept]
    tops = np.take_along_axis(best, neighbours, 1)
    found = np.asarray(_mean_rotations(standard.images, rotations, neighbours, tops, **task))
    weights = np.exp((tops - 1) / PAIR_WIDTH)
    return Pairs(neighbours, found * weights[..., None, None], weights)


def _vectors(images: Array, pose: Array, frame: Frame, count: int) -> Array:
    """Examples turned by `pose`, as unit vectors `[N, D]`."""
    background = jnp.zeros(images.shape[-1])
    moved = warp(images, pose, background, source=frame, target=frame)
    rows = jnp.moveaxis(moved.reshape(*frame.shape, count, -1), -2, 0).reshape(count, -1)
    return rows / jnp.maximum(jnp.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


@functools.partial(jax.jit, static_argnames=("frame", "count"))
def _best(images: Array, rotations: Array, *, frame: Frame, count: int) -> Array:
    """The largest cosine `[N, N]` of two examples over all rotations of the second."""
    still = _vectors(images, jnp.eye(rotations.shape[-1]), frame, count)

    def step(best: Array, pose: Array) -> tuple[Array, None]:
        turned = _vectors(images, pose, frame, count)
        # Cosines are compared to some hundredths: the default of accelerators is too coarse.
        cosine = jnp.matmul(still, turned.T, precision="highest")
        return jnp.maximum(best, cosine), None

    return jax.lax.scan(step, jnp.full((count, count), -1.0), rotations)[0]


@functools.partial(jax.jit, static_argnames=("frame", "count"))
def _mean_rotations(
    images: Array, rotations: Array, neighbours: Array, tops: Array, *, frame: Frame, count: int
) -> Array:
    """Mean rotations `[N, K, d, d]` of pairs whose largest cosines are `tops: [N, K]`."""
    still = _vectors(images, jnp.eye(rotations.shape[-1]), frame, count)

    def step(sums: tuple[Array, Array], pose: Array) -> tuple[tuple[Array, Array], None]:
        turned = _vectors(images, pose, frame, count)[neighbours]
        cosine = jnp.einsum("nd,nkd->nk", still, turned, precision="highest")
        share = jnp.exp((cosine - tops) / ROTATION_WIDTH)
        linear = pose[:-1, :-1]
        return (sums[0] + share, sums[1] + jnp.tensordot(share, linear, 0)), None

    d = rotations.shape[-1] - 1
    begin = jnp.zeros(tops.shape), jnp.zeros((*tops.shape, d, d))
    (total, rotated), _ = jax.lax.scan(step, begin, rotations)
    return rotated / jnp.maximum(total, 1e-6)[..., None, None]
