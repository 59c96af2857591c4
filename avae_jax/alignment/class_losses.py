"""Losses of examples under the class averages that they belong to."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array
from avae_jax.inference.averaging import ClassAlignment
from avae_jax.models import observed
from avae_jax.models.affine_model import AVAE
from avae_jax.transform.warp import warp

TOGETHER, PIXELS = 256, 2**20  # images and pixels whose losses are computed at once


class Scored(NamedTuple):
    """Losses `[N]` in nats, unmoved and at the found pose."""

    before: np.ndarray
    after: np.ndarray


def scored(images: np.ndarray, found: ClassAlignment, avae: AVAE) -> Scored:
    """Gaussian losses of the images under their class average, contrast and brightness free."""
    averages, frame = jnp.asarray(found.averages, jnp.float32), avae.inner
    axes = tuple(range(frame.d))

    @jax.jit
    def left(x: Array, poses: Array, classes: Array) -> Array:
        def one(image: Array, pose: Array, number: Array) -> Array:
            outside, seen = jnp.zeros(image.shape[-1]), observed.known(image)
            drawn = warp(
                averages[number], jnp.linalg.inv(pose), outside, source=frame, target=frame
            )
            area = jnp.maximum(seen.sum(axes, keepdims=True), 1)
            image, drawn = (seen * each for each in (jnp.nan_to_num(image), drawn))
            image, drawn = (
                each - seen * each.sum(axes, keepdims=True) / area for each in (image, drawn)
            )
            fit = (image * drawn).sum() / jnp.maximum((drawn * drawn).sum(), 1e-12)
            return ((image - fit * drawn) ** 2).sum()

        return jax.vmap(one)(x, poses, classes)

    still = np.tile(np.eye(frame.d + 1, dtype=np.float32), (len(images), 1, 1))
    left_of = [_in_parts(left, images, poses, found.classes) for poses in (still, found.poses)]
    count = images[0].size
    variance = max(float(np.mean(left_of[1])) / count, 1e-20)
    constant = count / 2 * np.log(2 * np.pi * variance)
    return Scored(*(np.float32(constant + rest / (2 * variance)) for rest in left_of))


def _in_parts(function: Callable, *rows: np.ndarray) -> np.ndarray:
    """`function` of all rows, some at a time; the last part is filled up."""
    count, together = len(rows[0]), max(1, min(TOGETHER, PIXELS // rows[0][0].size))
    places = np.arange(-(-count // together) * together) % count
    parts = [
        np.asarray(function(*(np.asarray(row[some], row.dtype) for row in rows)))
        for some in places.reshape(-1, together)
    ]
    return np.concatenate(parts)[:count]
