"""Images as a program gives them, and the same images as a model sees them."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from avae_jax.alignment.align import framing_of
from avae_jax.alignment.levels import lowered, raised
from avae_jax.alignment.model_frame import Framing, cut_off, into_model, require_fit, shown
from avae_jax.alignment.stack_statistics import survey
from avae_jax.config.options import DataOptions, Options
from avae_jax.core.batches import in_batches
from avae_jax.core.errors import InputError
from avae_jax.core.progress import silent
from avae_jax.data.formats.memory import memory_stack
from avae_jax.data.intensity import Scaling
from avae_jax.inference.trained import Trained
from avae_jax.models.affine_model import AVAE
from avae_jax.serving.pretrained import examples, require_values
from avae_jax.transform.frame import Frame

ARRAY = "array:"  # sources of models that take images as they took those of their training


class Given(NamedTuple):
    """Images in their own frame and values, and in those of a model.

    Attributes:
      shape: as they came.
      raw: `[n, *S, C]`, as they came but for the axis of channels.
      x: `[n, *S', C]` float32, as the model sees them.
      seen: the two frames and ranges of values.
    """

    shape: tuple[int, ...]
    raw: np.ndarray
    x: np.ndarray
    seen: Framing

    def own(self, poses: np.ndarray) -> np.ndarray:
        """Poses `[..., d + 1, d + 1]` of the model's frame in that of the images."""
        into = self.seen.into
        if (into == np.eye(len(into))).all():
            return poses
        return (np.linalg.inv(into) @ poses.astype(np.float64) @ into).astype(poses.dtype)

    def models(self, poses: np.ndarray) -> np.ndarray:
        """The inverse of `own`."""
        into = self.seen.into
        if (into == np.eye(len(into))).all():
            return poses
        return (into @ poses.astype(np.float64) @ np.linalg.inv(into)).astype(poses.dtype)

    def moved(self, poses: np.ndarray, move: Callable, *, size: int) -> np.ndarray:
        """The images moved by `poses [n, d + 1, d + 1]`, of the shape and type they came in.

        Args:
          move: `(raw, poses, fill) -> moved` of `size` images.
        """
        levels = lowered(self.raw, self.seen)
        values = in_batches(move, levels.values, poses, levels.fill, size=size)
        missing = self.seen.missing
        return raised(values, levels, self.raw.dtype, missing=missing).reshape(self.shape)


def takes_raw(options: Options | None) -> bool:
    """Whether a model takes images as `fit` took them, and not as the model sees them."""
    return options is not None and options.data.source.startswith(ARRAY)


def taken(images: np.ndarray, trained: Trained, options: Options | None) -> Given:
    """The images for a model that was trained with `options`, `None` for a foreign one.

    Raises:
      InputError: they are not what the model takes.
    """
    require_values("x", images)
    avae = trained.avae
    if options is None or not takes_raw(options):
        like = *avae.inner.shape, len(avae.fill)
        x = examples("x", images, likelihood=avae.likelihood, like=like)
        raw = np.reshape(images, x.shape)
        return Given(np.shape(images), raw, x, _unchanged(avae))
    stack = memory_stack(images, name="x", axes=options.data.axes)
    require_fit(stack, avae=avae, data=options.data)
    cut = cut_off(stack, data=options.data)
    if cut:
        warnings.warn(cut.strip(), stacklevel=4)
    with silent():
        surveyed = survey(stack, options.data)
        seen = framing_of(stack, surveyed, avae, options)
    if surveyed.gone and not avae.masked:
        raise InputError(
            f"x: {surveyed.gone:,} pixels were not observed, and the model was trained on whole "
            "images; avae_jax.align takes them"
        )
    raw = stack.raw(0, stack.shape[0])
    return Given(np.shape(images), raw, shown(raw, seen), seen)


def checked_poses(poses: np.ndarray, count: int, avae: AVAE) -> np.ndarray:
    """Poses that are known already, float32; of another number they would be misplaced.

    Raises:
      InputError: they are not `count` finite invertible matrices.
    """
    poses, side = np.asarray(poses, np.float32), avae.group.d + 1
    if poses.shape != (count, side, side):
        raise InputError(f"poses: of shape {poses.shape}, wanted ({count}, {side}, {side})")
    sound = np.isfinite(poses).all((1, 2))
    sound[sound] = np.linalg.det(poses[sound]) != 0
    if not sound.all():
        raise InputError(
            f"poses: number {np.argmin(sound)} is no pose, wanted a finite invertible matrix"
        )
    return poses


def _unchanged(avae: AVAE) -> Framing:
    """The framing of images that are as the model sees them."""
    own: Frame = avae.inner
    fill = np.asarray(avae.fill, np.float64)
    return Framing(own, into_model(own, own, 1.0), Scaling(0, 1), fill, DataOptions())
