"""What a report shows: plain arrays, numbers and text, nothing that computes."""

from typing import Any, NamedTuple

import numpy as np


class Gallery(NamedTuple):
    """A dozen held-out examples, arrays `[n, *S, C]` with values about [0, 1]."""

    observation: np.ndarray
    canonical_input: np.ndarray  # the observation carried to the canonical frame
    canonical_reconstruction: np.ndarray
    reconstruction: np.ndarray  # carried back to the frame of the observation
    labels: np.ndarray | None  # [n] int
    loss_before: np.ndarray  # [n] nats, without search
    loss_after: np.ndarray  # [n] nats, with search
    pose_text: tuple[str, ...]  # [n] the found poses as people read them


class Curve(NamedTuple):
    """Mean loss against the pose of the input."""

    degrees: np.ndarray  # [A]
    without_search: np.ndarray  # [A] nats
    with_search: np.ndarray  # [A] nats
    axis_label: str


class Moment(NamedTuple):
    """Found poses at one moment of training.

    With `E = found . applied`, `angle` is in 2-D the direction of `E` (signed, positive
    is counter-clockwise) and in 3-D the rotation angle of `E` from the mean `E` of the
    example's label, in [0, 180].
    """

    step: int
    angle: np.ndarray  # [n] degrees
    label: np.ndarray  # [n] int, zeros where there are none
    resultant_length: float


class Findings(NamedTuple):
    """Everything that the report of one run is made of."""

    title: str
    config: dict[str, Any]  # the effective config, nested
    summary: dict[str, Any]  # groups of numbers; None for what does not apply
    gallery: Gallery
    curve: Curve | None
    moments: tuple[Moment, ...]
    metrics: tuple[dict[str, Any], ...]  # lines of metrics.jsonl
    label_names: tuple[str, ...]
