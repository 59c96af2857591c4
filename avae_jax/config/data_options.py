"""Options of the examples and of the poses they come in."""

import dataclasses

from avae_jax.config import choices
from avae_jax.config.fields import Choosing, option

POSES = ("as_is", "random")


@dataclasses.dataclass(frozen=True)
class DataOptions(Choosing):
    """Where the examples come from and how they are posed.

    >>> import avae_jax
    >>> avae_jax.DataOptions(source="npz:mine.npz", size=40).size
    40
    """

    source: str = option("digits", f"one of {', '.join(choices.source_forms())}")
    axes: str = option("", "axes of an array, as in NCHW, HWN, NDHW; by default from its shape")
    pose: str = option("random", "pose of the training examples", choices=POSES)
    size: int = option(0, "pad or crop every spatial axis to this many pixels; 0 keeps", low=0)
    scale: float = option(
        1.0, "enlarge (> 1) or shrink (< 1) content about the centre", above=0.0, high=16.0
    )
    fill: float | tuple[float, ...] | str = option(
        "border",
        "value outside of an example: a number, one per channel, or border (median of the border)",
        choices=("border",),
    )
    window: tuple[float, ...] | str = option(
        "type",
        "raw values that the model sees as 0 and 1, low,high; or type (integers divided by the "
        "largest value of their type, floats unchanged)",
        choices=("type",),
    )
    nodata: float | str = option(
        "auto",
        "number that marks pixels that were not observed; auto (a tag of the file, else one far "
        "outside of all others) or none",
        choices=("auto", "none"),
    )
    nan: str = option(
        "refuse", "NaN: refuse, or fill (pixels that were not observed)", choices=("refuse", "fill")
    )
    skip_broken: bool = option(
        False, "leave out and count broken images of a folder and examples with NaN or infinity"
    )
    limit: int = option(0, "use at most this many examples of each split; 0 is all", low=0)
    test_fraction: float = option(
        0.2, "share held out if the source has no test split", above=0.0, high=0.9
    )


@dataclasses.dataclass(frozen=True)
class RangeOptions(Choosing):
    """Bounds of the poses, for random poses and for the prior of the search.

    >>> import avae_jax
    >>> avae_jax.RangeOptions(rotation=45).rotation
    45.0
    """

    rotation: float = option(
        180.0, "largest rotation in degrees, either way; 180 is all", above=0.0, high=180.0
    )
    shift: float = option(
        0.2, "largest shift on each axis, as a share of the longest side", low=0.0, high=1.0
    )
    scale: float = option(
        1.4, "largest enlargement; the smallest is its inverse", low=1.0, high=8.0
    )
    shear: float = option(0.4, "largest shear, either way", low=0.0, high=4.0)
    reflect: bool = option(False, "the family includes mirror images")
    right_angles: bool = option(
        False,
        "only the 4 or 24 rotations by right angles, which search.kind=right_angles tries",
    )
