"""Small pictures of the model's outputs at a set of poses."""

from typing import NamedTuple

import jax

from avae_jax.core.types import Array, Params, Shape
from avae_jax.inference.problem import SearchInput, prepare, problem
from avae_jax.inference.search.batching import over_pairs
from avae_jax.models.objective import AVAE, canonicalise, crop_to_inner, render, to_observation
from avae_jax.transform.matrices import matmul
from avae_jax.transform.warp import warp

# Longest side of a picture, by dimension: there are thousands of them.
SIDES = {2: 40, 3: 32}


class PoseSweep(NamedTuple):
    """B examples at A poses each.

    Attributes:
      loss: `[B, A]` nats, the loss of the search.
      code: `[B, A, Z]`.
      turned: `[B, A, *s, C]`, the observation moved by the pose.
      drawn: `[B, A, *s, C]`, the object decoded there.
      reconstruction: `[B, A, *s, C]`, this object moved back.
    """

    loss: Array
    code: Array
    turned: Array
    drawn: Array
    reconstruction: Array


def sweep_poses(
    params: Params, x: Array, poses: Array, upright: Array, *, avae: AVAE, chunk: int | None
) -> PoseSweep:
    """Evaluates `poses: [B, A, d + 1, d + 1]` of observations `x: [B, *S, C]`, z at its mean.

    Args:
      upright: `[d + 1, d + 1]`, rotation of canonical objects for display.
      chunk: number of pairs that are computed at once.
    """
    task = problem(params, avae)

    def one(seen: SearchInput, pose: Array) -> PoseSweep:
        mu, _ = avae.model.encode(params, canonicalise(seen.x, pose, avae=avae))
        drawn = render(params, mu, avae=avae)
        shown = warp(drawn, upright, avae.fill, source=avae.inner, target=avae.inner)
        back = crop_to_inner(to_observation(drawn, pose, avae=avae), avae=avae)
        turned = canonicalise(seen.x, matmul(upright, pose), avae=avae)
        return PoseSweep(
            task.value(seen, pose), mu, thumbnail(turned), thumbnail(shown), thumbnail(back)
        )

    return over_pairs(one, jax.vmap(lambda one: prepare(one, avae=avae))(x), poses, chunk=chunk)


def thumbnail(image: Array) -> Array:
    """`image: [*S, C]` shrunk to `[*s, C]` if it is larger than `SIDES`."""
    *shape, channels = image.shape
    small = thumb_shape(tuple(shape))
    if small == tuple(shape):
        return image
    return jax.image.resize(image, (*small, channels), "linear", antialias=True)


def thumb_shape(shape: Shape) -> Shape:
    """The sides `s` of the thumbnail of an image of sides `S`."""
    shrink = min(1.0, SIDES[len(shape)] / max(shape))
    return tuple(max(1, round(shrink * side)) for side in shape)
