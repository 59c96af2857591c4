"""Warping: an image moved by a pose."""

from avae_jax.core.array_checks import require_array, require_pose
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

    Raises:
      InputError: arguments of another shape or type.

    >>> import jax.numpy as jnp
    >>> import avae_jax
    >>> frame = avae_jax.make_frame((5, 5))
    >>> image = jnp.zeros((5, 5, 1)).at[0, 2].set(1.0)
    >>> right = jnp.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> turned = avae_jax.warp(image, right, jnp.zeros(1), source=frame, target=frame)
    >>> float(turned[2, 0, 0])
    1.0
    """
    require_array("warp: image", image, (*source.shape, "C"), finite=False)
    require_pose("warp: pose", pose, source.d)
    require_array("warp: fill", fill, (image.shape[-1],))
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
