"""Conversion between the frame of a stack and the frame of a model, for values and poses.

A model sees values scaled to [0, 1] and frames of its training size. A stack keeps its own
values, sides and pixels, and its examples are moved in the frame of the stack.
"""

from typing import NamedTuple

import numpy as np

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data.formats import Stack
from avae_jax.data.formats.reading import describe
from avae_jax.data.intensity import Scaling, scaled
from avae_jax.data.missing import Missing, hidden, marked, plain
from avae_jax.data.resize import frame_sides, reframe
from avae_jax.models.affine_model import AVAE
from avae_jax.transform.frame import Frame, make_frame


class Framing(NamedTuple):
    """The two frames and the two ranges of values of an alignment.

    Attributes:
      own: frame of an example of the stack.
      into: `[d + 1, d + 1]`, carries coordinates of `own` to those of the model's frame.
      scaling: raw values that the model sees as 0 and 1.
      fill: `[C]`, value outside of an example, in the range of the model.
      data: options of the training data.
      missing: raw values of pixels that were not observed.
    """

    own: Frame
    into: np.ndarray
    scaling: Scaling
    fill: np.ndarray
    data: DataOptions
    missing: Missing = Missing()

    @property
    def raw_fill(self) -> np.ndarray:
        """`[C]` float64, the raw value outside of an example."""
        low, high = self.scaling.low, self.scaling.high
        return low + self.fill * (high - low)


def framing(stack: Stack, scaling: Scaling, *, avae: AVAE, data: DataOptions) -> Framing:
    """The framing of a stack for a model trained with the options `data`."""
    own = make_frame(stack.example[:-1], spacing=stack.spacing or None)
    fill = np.asarray(avae.fill, np.float64)
    return Framing(own, into_model(own, avae.inner, data.scale), scaling, fill, data)


def require_fit(stack: Stack, *, avae: AVAE, data: DataOptions) -> None:
    """Checks that the examples of a stack have the dimension, channels and size of a model.

    Raises:
      InputError: images for a model of volumes, other channels, other sides.
    """
    *sides, channels = stack.example
    trained = (*avae.inner.shape, len(avae.fill))
    came = f"{stack.name}: examples of {describe(stack.example)}, channels last"
    if len(sides) != avae.inner.d or channels != len(avae.fill):
        raise InputError(f"{came}; the model was trained on {describe(trained)}")
    if frame_sides(tuple(sides), data.size, stack.spacing) != avae.inner.shape:
        raise InputError(
            f"{came}; the model was trained on {describe(trained)} with data.size=0, which takes "
            "no other size"
        )


def cut_off(stack: Stack, *, data: DataOptions) -> str:
    """A message if a model sees only the middle of the examples; else nothing."""
    sides = stack.example[:-1]
    scales = [data.scale * one for one in stack.spacing or (1.0,) * len(sides)]
    each = list(zip(sides, scales, strict=True))
    # A difference below one pixel of the model comes from the rounding of data.scale.
    if not data.size or all(side * scale < data.size + 1 for side, scale in each):
        return ""
    seen = [min(side, round(data.size / scale)) for side, scale in each]
    return (
        f"The model sees only the middle {' x '.join(map(str, seen))} of each example: it takes "
        f"pixels as large as those it was trained on (data.scale={data.scale:g}, "
        f"data.size={data.size}).\n"
    )


def into_model(own: Frame, model: Frame, scale: float) -> np.ndarray:
    """The map of coordinates by `data.resize.reframe`, `[d + 1, d + 1]`."""
    matrix = np.eye(own.d + 1)
    for axis, (old, new) in enumerate(zip(own.shape, model.shape, strict=True)):
        matrix[axis, axis] = scale * own.unit / model.unit
        # Without scaling, pixels are copied: between odd and even sides the centre
        # then moves by half a pixel.
        if scale == 1.0 and set(own.spacing) == {1.0} and (new - old) % 2:
            matrix[axis, -1] = -0.5 / model.unit
    return matrix


def shown(raw: np.ndarray, seen: Framing) -> np.ndarray:
    """Input of the model for raw examples `[n, *S, C]`, float32, NaN where not observed."""
    gone = hidden(raw, seen.missing)
    values = marked(scaled(plain(raw, gone), seen.scaling), gone)
    spacing = () if set(seen.own.spacing) == {1.0} else seen.own.spacing
    data = seen.data
    return reframe(values, scale=data.scale, size=data.size, fill=seen.fill, spacing=spacing)


def own_poses(poses: np.ndarray, seen: Framing) -> np.ndarray:
    """Poses `[n, d + 1, d + 1]` of the model's frame, in the frame of the stack, float64."""
    return np.linalg.inv(seen.into) @ poses.astype(np.float64) @ seen.into


def moves_centre(seen: Framing) -> bool:
    """Whether a rotation about the model's centre shifts in the frame of the stack."""
    return bool(seen.into[:-1, -1].any())
