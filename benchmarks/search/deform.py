"""Objects of other proportions, made of those at hand: for models that have few to learn from."""

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array, Key

# Waves of the stretch along an axis, besides its mean: a seat may be higher, a back lower.
WAVES = 2


def deform(key: Key, x: Array, fill: Array, *, by: float) -> Array:
    """Stretches an object along each of its axes, more in some places than in others.

    The logarithm of the stretch is a random smooth function of the place on the axis, so that
    nothing is folded. Nothing moves on the average.

    Args:
      x: `[*S, C]`.
      fill: `[C]`, the value outside.
      by: standard deviation of that logarithm.
    """
    outside = jnp.broadcast_to(fill, x.shape)
    x = x - outside
    for axis, one in enumerate(jax.random.split(key, x.ndim - 1)):
        places = stretched(one, x.shape[axis], by=by)
        pixels = jnp.arange(x.shape[axis], dtype=x.dtype)
        weights = jnp.clip(1 - jnp.abs(places[:, None] - pixels[None]), 0, 1)
        x = jnp.moveaxis(jnp.tensordot(weights, x, (1, axis)), 0, axis)
    return x + outside


def stretched(key: Key, side: int, *, by: float) -> Array:
    """Where each of `side` pixels of an axis takes its value from, in pixels, `[side]`."""
    turn = 2 * np.pi * (np.arange(side) + 0.5) / side
    waves = [np.ones(side)]
    for count in range(1, WAVES + 1):
        waves += [np.cos(count * turn), np.sin(count * turn)]
    # Each wave has a mean square of a half, the constant one of 1.
    size = by / np.sqrt(1 + WAVES)
    height = jax.random.normal(key, (len(waves),))
    slope = jnp.exp(jnp.tensordot(height, jnp.asarray(size * np.stack(waves), jnp.float32), 1))
    places = jnp.cumsum(slope) - slope / 2
    return places - places.mean() + (side - 1) / 2
