"""Warping: an image moved by a pose."""

from avae_jax.core.types import Array
from avae_jax.transform.frame import Frame, to_index
from avae_jax.transform.matrices import inverse
from avae_jax.transform.resample import sample


def warp(
    image: Array,
    pose: Array,
    fill: Array,
    *,
    source: Frame,
    target: Frame,
    interpolation: str = "linear",
) -> Array:
    """Moves the content of `image` by `pose`.

    Direction: content at coordinate c goes to `pose @ c`; each pixel of the result
    therefore pulls from the inverse of the pose.

    Args:
      image: `[*source.shape, C]`.
      pose: `[d + 1, d + 1]`.
      fill: `[C]`, the value outside of `image`.

    Returns:
      `[*target.shape, C]`, differentiable in `image` and `pose`.
    """
    return pull(
        image, inverse(pose), fill, source=source, target=target, interpolation=interpolation
    )


def pull(
    image: Array,
    matrix: Array,
    fill: Array,
    *,
    source: Frame,
    target: Frame,
    interpolation: str = "linear",
) -> Array:
    """Like `warp`, given the inverse of the pose: `result(c) = image(matrix @ c)`."""
    index = to_index(matrix, source, target)
    return sample(image, index, fill, interpolation=interpolation)
