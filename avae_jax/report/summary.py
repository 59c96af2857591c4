"""The numbers of a run: their names, units and meanings; `report/summary.json` holds them."""

import dataclasses
from typing import Any

NATS, SHARE, DEGREES = "nats per example", "%", "degrees"
# Format version of summary.json; raised when a key changes its meaning or is removed.
FORMAT = 1


def entry(name: str, unit: str = "", meaning: str = "") -> Any:
    """A number of the summary: its display name, its unit, its meaning."""
    return dataclasses.field(
        default=None, metadata={"name": name, "unit": unit, "meaning": meaning}
    )


def group(kind: type, title: str) -> Any:
    """A group of numbers under a heading."""
    return dataclasses.field(default_factory=kind, metadata={"title": title})


@dataclasses.dataclass(frozen=True)
class Losses:
    """Nats per example, means over the held-out examples."""

    upright: float | None = entry(
        "as they come, no search",
        NATS,
        "Original examples of the data set, not resampled. If it exceeds the next number, the two "
        "do not compare: turning an example smooths it, which removes noise.",
    )
    posed: float | None = entry(
        "posed at random, no search", NATS, "The same examples, each in a random pose."
    )
    posed_search: float | None = entry(
        "posed at random, with search",
        NATS,
        "The same examples, each at the pose that the search finds.",
    )
    posed_true: float | None = entry(
        "posed at random, at the true pose",
        NATS,
        "The same examples at the label's common pose times the inverse of the applied pose.",
    )
    marginal: float | None = entry(
        "marginal, pose and code unknown",
        NATS,
        "Upper bound on -log p(x) of examples posed at random, with poses and codes integrated "
        "out: compares models with and without search.",
    )


def turning_smooths(losses: Losses) -> bool:
    """Whether turned examples are easier than those as they come, which no model is to blame for.

    A turned example is interpolated, which removes noise and sharp edges. Where this outweighs the
    unknown pose, losses of examples as they come say nothing about the model.
    """
    return losses.upright is not None and losses.posed is not None and losses.posed < losses.upright


@dataclasses.dataclass(frozen=True)
class MarginalBound:
    """Accuracy and cost of the bound `loss.marginal`."""

    error: float | None = entry("standard error", NATS, "Of the mean over the examples.")
    effective: float | None = entry(
        "effective draws", "", "Of the draws below; near 1 the bound is loose."
    )
    untrusted: float | None = entry(
        "not to be trusted",
        SHARE,
        "Examples whose largest weights outweigh all others (Pareto shape above 0.7).",
    )
    examples: int | None = entry("examples", "", "Test examples whose likelihood was bounded.")
    samples: int | None = entry("draws", "", "Poses and codes drawn for each example.")


@dataclasses.dataclass(frozen=True)
class PoseErrors:
    """Agreement of the found poses of a label; `None` if the family has no such parameter."""

    median_deg: float | None = entry(
        "median error", DEGREES, "Half of the found poses are closer to their label's common pose."
    )
    p90_deg: float | None = entry(
        "90th percentile of the error", DEGREES, "Nine of ten found poses are closer."
    )
    within_20: float | None = entry(
        "within 20 degrees", SHARE, "Share of found poses this close to their label's common pose."
    )
    resultant_length: float | None = entry(
        "resultant length", "", "1: each label has one common pose; near 0: it has none."
    )
    quarter_turn: float | None = entry(
        "preference for quarter turns",
        "",
        "|mean exp(4 i angle)| of the found angles: near 0 for uniform angles, "
        "1 if the search favours the pixel grid.",
    )
    median_shift: float | None = entry(
        "median shift error",
        "",
        "Distance of the found shift from the label's common one; 1 is half the longest side.",
    )


@dataclasses.dataclass(frozen=True)
class Uncertainty:
    """What the stated uncertainty of the poses is worth, on examples it was not calibrated on."""

    examples: int | None = entry("examples", "", "Half of them calibrate the other half.")
    median_deg: float | None = entry(
        "median stated deviation", DEGREES, "Of the rotation about the found pose."
    )
    elsewhere: float | None = entry(
        "stated to be elsewhere",
        SHARE,
        "Mean probability that the true pose is over 15 degrees off.",
    )
    found_elsewhere: float | None = entry(
        "found to be elsewhere", SHARE, "Examples whose true pose is that far off."
    )
    held_50: float | None = entry(
        "held by regions of 50 %", SHARE, "True poses in the smallest region of this probability."
    )
    held_90: float | None = entry("held by regions of 90 %", SHARE, "Likewise.")
    held_99: float | None = entry("held by regions of 99 %", SHARE, "Likewise.")
    held_90_of_model: float | None = entry(
        "held by regions of 90 %, not calibrated", SHARE, "As the model alone states them."
    )
    temperature: float | None = entry(
        "temperature", "", "Log weights of the optima are divided by it; 1 if the model is right."
    )
    width: float | None = entry(
        "width", "", "Factor of the deviations that the model states; 1 if the model is right."
    )
    tail: float | None = entry("tail", SHARE, "Share of each normal that is wider still.")
    reach: float | None = entry("reach", "", "Factor by which it is wider.")
    anywhere: float | None = entry(
        "anywhere", SHARE, "Probability that the search has missed the pose, which may be any."
    )


@dataclasses.dataclass(frozen=True)
class Settling:
    """Labels by state (see `report.settled`); `None` where no common pose is known."""

    sentence: str | None = entry("in words")
    labels: int | None = entry("labels", "", "Kinds of objects; 1 where examples have no labels.")
    settled: int | None = entry(
        "settled", "labels", "At least 80 % of their examples lie within 20 degrees of one pose."
    )
    symmetric: int | None = entry(
        "half-turn symmetric",
        "labels",
        "They keep two poses half a turn apart, and both explain most examples nearly as well.",
    )
    two_poses: int | None = entry(
        "two poses",
        "labels",
        "At least 80 % of their examples lie within 20 degrees of two poses half a turn apart.",
    )
    open: int | None = entry("open", "labels", "Neither of these.")


@dataclasses.dataclass(frozen=True)
class CanonicalFrame:
    """Decoded mass that no observation sees."""

    outside: float | None = entry(
        "decoded outside the support",
        "",
        "Mean decoded value minus background where no observation can see it; near 0 is right.",
    )
    cropped: float | None = entry(
        "lost on the way back",
        SHARE,
        "Share of the decoded content outside the frame of the input; near 0 is right.",
    )


@dataclasses.dataclass(frozen=True)
class SearchCost:
    """Cost of a search."""

    preset: str | None = entry("preset", "", "Recipe of the search.")
    forward_equivalents: float | None = entry(
        "cost", "forward passes", "Operations of the search in full forward passes of the model."
    )
    seconds_per_example: float | None = entry(
        "time per example", "seconds", "Wall-clock time of the search on this device."
    )
    nonfinite: int | None = entry(
        "losses not finite", "", "Starts and candidates whose loss was not finite."
    )


@dataclasses.dataclass(frozen=True)
class Training:
    """Cost of training."""

    steps: int | None = entry("updates", "steps", "Updates of the weights.")
    seconds: float | None = entry(
        "time", "seconds", "Wall-clock time of training, search included."
    )
    search: bool | None = entry("search", "", "Whether poses were searched before each update.")


@dataclasses.dataclass(frozen=True)
class Data:
    """The examples."""

    source: str | None = entry("source", "", "Where the examples come from (data.source).")
    train: int | None = entry("training examples")
    test: int | None = entry("test examples", "", "Held out of training.")
    evaluated: int | None = entry(
        "evaluated", "", "Test examples that the numbers above are about."
    )


@dataclasses.dataclass(frozen=True)
class Summary:
    """Groups of numbers; `None` if a number does not apply."""

    loss: Losses = group(Losses, "Loss on held-out examples")
    marginal: MarginalBound = group(MarginalBound, "The bound on the marginal likelihood")
    pose: PoseErrors = group(PoseErrors, "Found poses")
    uncertainty: Uncertainty = group(Uncertainty, "Uncertainty of the poses")
    settling: Settling = group(Settling, "Settling")
    canonical: CanonicalFrame = group(CanonicalFrame, "Canonical frame")
    search: SearchCost = group(SearchCost, "Search")
    train: Training = group(Training, "Training")
    data: Data = group(Data, "Data")

    def to_dict(self) -> dict[str, Any]:
        """Nested dicts in the form of summary.json."""
        return {"format": FORMAT, **dataclasses.asdict(self)}
