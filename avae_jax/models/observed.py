"""Images with missing pixels, which are NaN.

NaN is replaced before any computation, so that derivatives stay finite.
"""

from collections.abc import Callable

import jax.numpy as jnp

from avae_jax.core.types import Array

# A moved pixel of which less than this share was observed counts as not observed.
LEAST = 0.5


def known(x: Array) -> Array:
    """`[*S, C]`: 1 where `x` was observed, 0 where it is NaN, as floats."""
    return (~jnp.isnan(x)).astype(x.dtype)


def filled(x: Array, fill: Array) -> Array:
    """`x: [*S, C]` with `fill: [C]` where it was not observed."""
    return jnp.where(jnp.isnan(x), jnp.broadcast_to(fill.astype(x.dtype), x.shape), x)


def moved(x: Array, fill: Array, move: Callable[[Array, Array], Array]) -> Array:
    """`x: [*S, C]` moved by `move`, together with its missing pixels.

    Args:
      fill: `[C]`, the value outside, which counts as observed.
      move: `(image, fill) -> image`, linear in both together.

    Returns:
      `[*T, C]`: each pixel is computed from observed pixels only; NaN if these are less than
      half of it.
    """
    share = move(known(x), jnp.ones_like(fill))
    content = move(filled(x, fill), fill)
    outside = jnp.broadcast_to(fill.astype(x.dtype), content.shape)
    away = (content - outside) / jnp.maximum(share, LEAST)
    # Fully observed pixels keep every digit.
    whole = jnp.where(share < 1, outside + away, content)
    return jnp.where(share < LEAST, jnp.nan, whole)
