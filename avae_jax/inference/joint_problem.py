"""The problem of finding code and pose of an example together."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, Params
from avae_jax.inference.problem import SearchInput
from avae_jax.inference.search import Problem
from avae_jax.models.affine_model import AVAE
from avae_jax.models.objective import Outputs, render, search_loss, to_observation
from avae_jax.transform.families import retract
from avae_jax.transform.prior import prior_residuals
from avae_jax.transform.warp import pull


class Place(NamedTuple):
    """An object and where it is: its code `[Z]` and its pose `[d + 1, d + 1]`."""

    code: Array
    pose: Array


def joint_problem(params: Params, latent: int, *, avae: AVAE) -> Problem:
    """The problem of finding code and pose, whose loss is `-log p(x, z, M)` up to a constant.

    Args:
      latent: Z.
    """

    def predict(seen: SearchInput, place: Place) -> Outputs:
        return _at(render(params, place.code, avae=avae), place, avae=avae)

    def moved(place: Place, step: Array) -> Place:
        return Place(place.code + step[:latent], retract(avae.group, place.pose, step[latent:]))

    return Problem(
        predict=predict,
        # The KL of a normal of width 1 around the code is half its square.
        loss=lambda seen, outputs: search_loss(params, seen.wide, outputs, avae=avae),
        retract=moved,
        size=latent + avae.group.size,
        expected=lambda seen, outputs: seen._replace(
            wide=jnp.where(jnp.isnan(seen.wide), seen.wide, outputs.mean)
        ),
        tangents=lambda seen, place: _tangents(params, place, avae=avae),
    )


def _at(drawn: Array, place: Place, *, avae: AVAE) -> Outputs:
    """The prediction if the object that a code draws is at a pose."""
    mean = to_observation(drawn, place.pose, avae=avae)
    beyond = prior_residuals(avae.group, avae.ranges, place.pose)
    return Outputs(mean, place.code, jnp.zeros_like(place.code), beyond)


def _tangents(params: Params, place: Place, *, avae: AVAE) -> tuple[Outputs, Outputs]:
    """The prediction, and its derivatives along code and pose, leading axis Z + P.

    The decoder is linearised once, and its changes move by the pose together, as channels of one
    image: resampling is linear. On one CPU core a volume of 16^3 with 35 parameters takes two
    thirds of the time of one derivative after the other.
    """
    code, pose = place
    axes = jnp.eye(len(code), dtype=code.dtype)
    drawn, along = jax.linearize(functools.partial(render, params, avae=avae), code)
    changes = jax.vmap(along, out_axes=-1)(axes)
    moved = pull(
        changes.reshape(*avae.inner.shape, -1),
        pose,
        jnp.zeros(drawn.shape[-1] * len(code), drawn.dtype),
        source=avae.inner,
        target=avae.outer,
        interpolation=avae.interpolation,
    )
    moved = jnp.moveaxis(moved.reshape(*avae.outer.shape, *changes.shape[-2:]), -1, 0)

    def turned(direction: Array) -> tuple[Outputs, Outputs]:
        def at(step: Array) -> Outputs:
            return _at(drawn, Place(code, retract(avae.group, pose, step)), avae=avae)

        return jax.jvp(at, (jnp.zeros_like(direction),), (direction,))

    directions = jnp.eye(avae.group.size, dtype=pose.dtype)
    outputs, by_pose = jax.vmap(turned, out_axes=(None, 0))(directions)
    still = jax.tree.map(lambda leaf: jnp.zeros((len(code), *leaf.shape), leaf.dtype), outputs)
    by_code = still._replace(mean=moved, mu=axes)
    return outputs, jax.tree.map(lambda *parts: jnp.concatenate(parts), by_code, by_pose)
