"""Content of a report: plain arrays, numbers and text."""

import math
from typing import Any, NamedTuple

import numpy as np

from avae_jax.report.summary import Summary


class Gallery(NamedTuple):
    """A dozen held-out examples, arrays `[n, *S, C]` with values about [0, 1]."""

    observation: np.ndarray
    canonical_input: np.ndarray  # the observation carried to the canonical frame
    canonical_reconstruction: np.ndarray
    reconstruction: np.ndarray  # carried back to the frame of the observation
    labels: np.ndarray | None  # [n] int
    loss_before: np.ndarray  # [n] nats, without search
    loss_after: np.ndarray  # [n] nats, with search
    pose_text: tuple[str, ...]  # [n] the found poses in words


class Curve(NamedTuple):
    """Mean loss against the pose of the input."""

    degrees: np.ndarray  # [A]
    without_search: np.ndarray  # [A] nats
    with_search: np.ndarray  # [A] nats
    axis_label: str


class Atlas(NamedTuple):
    """The first m held-out examples by their latent codes; losses are losses of the search.

    Attributes:
      observed, canonical: pictures `[m, *s, C]`, of the input and of the object decoded from it.
      place: `[m, 2]`, the codes along their two principal axes.
      shares: of the variance of the codes along these axes.
      labels: `[m]` int, or None.
      loss_before, loss_after: `[m]` nats, in the original pose and at the found one.
      gap: `[m]` nats to the next optimum; infinite if there is none.
      doubtful: `[m]` bool.
      moved_by: `[m]`, the found poses, which carry inputs to the canonical pose, in words.
      neighbours: `[m, n]`, the examples with the nearest codes, nearest first.
      places: `[m]`, their places among all examples; None for the first m.
      names: `[m]`, of files; empty where examples have none.
    """

    observed: np.ndarray
    canonical: np.ndarray
    place: np.ndarray
    shares: tuple[float, float]
    labels: np.ndarray | None
    loss_before: np.ndarray
    loss_after: np.ndarray
    gap: np.ndarray
    doubtful: np.ndarray
    moved_by: tuple[str, ...]
    neighbours: np.ndarray
    places: np.ndarray | None = None
    names: tuple[str, ...] = ()


class Walks(NamedTuple):
    """Objects decoded along straight lines through the latent space.

    Attributes:
      stops: `[A]` standard deviations from the mean code.
      axes: `[k, A, *s, C]`, objects at these stops of the principal axes of the codes.
      shares: `[k]`, of the variance of the codes along these axes.
      pairs: `[P, 2]` int, indices in the atlas.
      between: `[P, T, *s, C]`, objects on the way from the first of a pair to the second.
    """

    stops: np.ndarray
    axes: np.ndarray
    shares: tuple[float, ...]
    pairs: np.ndarray
    between: np.ndarray


class Trial(NamedTuple):
    """One example at every stop of its dial, and at the poses that the search kept.

    Attributes:
      example: its index in the atlas.
      values: `[A + K]`, values of the dial: first the stops, in order, then the K distinct poses
        that the search kept, the best first; NaN for a pose that the dial does not reach.
      losses: `[A + K]` nats, the loss of the search.
      turned, drawn, reconstruction: `[A + K, *s, C]`, the input moved by the pose, the object
        decoded there, and this object moved back.
      moved_by: `[K]`, the kept poses, in words.
    """

    example: int
    values: np.ndarray
    losses: np.ndarray
    turned: np.ndarray
    drawn: np.ndarray
    reconstruction: np.ndarray
    moved_by: tuple[str, ...]


class Exploration(NamedTuple):
    """Data of the interactive parts of the report.

    Attributes:
      kind: parameter of a dial: `rotation`, `shift` or the name of a generator.
      unit: of its values: `deg`, `%` or none.
      relative: its values are relative to the found pose.
      whole: its values are cyclic.
      doubtful: gap in nats below which an example is doubtful.
    """

    kind: str
    unit: str
    relative: bool
    whole: bool
    doubtful: float
    trials: tuple[Trial, ...]
    atlas: Atlas
    walks: Walks | None = None


class Snapshot(NamedTuple):
    """Found poses at one step of training.

    With `E = found . applied`, `angle` is in 2-D the direction of `E` (signed, positive
    is counter-clockwise) and in 3-D the rotation angle of `E` from the mean `E` of the
    example's label, in [0, 180].
    """

    step: int
    angle: np.ndarray  # [n] degrees
    label: np.ndarray  # [n] int, zeros without labels
    resultant_length: float
    canonical_input: np.ndarray | None = (
        None  # [k, *s, C], some inputs in the canonical frame of that step
    )
    loss: float = math.nan  # with search, mean over the held-out examples, nats


class LabelAgreement(NamedTuple):
    """How well the found poses of one label agree.

    Attributes:
      label: its index.
      count: examples.
      within_20: share of them within 20 degrees of the mean pose of the label, which is estimated
        on other examples.
      half_turn: share of them within 20 degrees of half a turn from the most common pose.
      resultant_length: 1 where all agree, near 0 where poses are spread evenly.
      two_poses: share of them within 20 degrees of the most common pose or of half a turn from it.
      alike: share of them that a pose half a turn from the found one explains nearly as well.
    """

    label: int
    count: int  # type: ignore[assignment]  # a tuple has a method of that name
    within_20: float
    half_turn: float
    resultant_length: float
    two_poses: float
    alike: float


class Agreement(NamedTuple):
    """Angles `[n]` in degrees of all examples from the common pose of their label, and labels."""

    degrees: np.ndarray
    labels: tuple[LabelAgreement, ...]
    dimensions: int  # 2 or 3


class Run(NamedTuple):
    """Where the numbers come from; texts may be empty."""

    date: str
    version: str
    device: str
    seed: int
    command: str  # that writes the page again


class Reliability(NamedTuple):
    """Whether true poses lie in the regions that were stated, as often as was said.

    Attributes:
      stated: probabilities of regions.
      held_of_model, held: shares of true poses in the regions that the model states, and in
        those after a calibration on other examples.
      examples: their number.
      calibration: its numbers by name, fitted to all examples.
      median_deg: median stated deviation of the rotation.
      elsewhere, found_elsewhere: mean stated probability that the true pose is clearly
        another one (by 15 degrees), and the share of examples of which this is so.
    """

    stated: tuple[float, ...]
    held_of_model: tuple[float, ...]
    held: tuple[float, ...]
    examples: int
    calibration: dict[str, float]
    median_deg: float
    elsewhere: float
    found_elsewhere: float


class Findings(NamedTuple):
    """The contents of the report of one run."""

    title: str
    config: dict[str, Any]  # the effective config, nested
    summary: Summary
    gallery: Gallery
    curve: Curve | None
    moments: tuple[Snapshot, ...]
    metrics: tuple[dict[str, Any], ...]  # lines of metrics.jsonl
    label_names: tuple[str, ...]
    exploration: Exploration | None = None  # what the page lets one turn; None leaves that out
    agreement: Agreement | None = None  # None where no common pose is known
    run: Run | None = None
    reliability: Reliability | None = None  # of the stated uncertainty of the poses
    held_out: dict[str, np.ndarray] | None = None  # columns [n] of the held-out examples
