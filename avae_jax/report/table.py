"""The table of the summary: what people call each number, its unit, what it means."""

from typing import Any, NamedTuple

from avae_jax.report.text import ABSENT, escaped, number


class Entry(NamedTuple):
    """How one number of the summary is shown."""

    name: str
    unit: str
    meaning: str


GROUPS = {
    "loss": "Loss on held-out examples",
    "marginal": "The bound on the marginal likelihood",
    "pose": "Found poses",
    "canonical": "Canonical frame",
    "search": "Search",
    "train": "Training",
}
NATS, SHARE, DEGREES = "nats per example", "%", "degrees"
ENTRIES = {
    "loss.upright": Entry(
        "as they come, no search", NATS, "Examples as the data set has them, never resampled."
    ),
    "loss.posed": Entry(
        "posed at random, no search", NATS, "The same examples, each in a random pose."
    ),
    "loss.posed_search": Entry(
        "posed at random, with search",
        NATS,
        "Each in the pose at which the model explains it best.",
    ),
    "loss.posed_true": Entry(
        "posed at random, at the true pose",
        NATS,
        "The label's common pose and the inverse of what was applied, without search.",
    ),
    "loss.marginal": Entry(
        "marginal, pose and code unknown",
        NATS,
        "At least -log p(x) of examples posed at random, integrated over poses and codes: compares "
        "models with and without search.",
    ),
    "marginal.error": Entry("standard error", NATS, "Of the mean over the examples."),
    "marginal.effective": Entry(
        "effective draws", "", "Of the draws below; near 1 the bound is loose."
    ),
    "marginal.examples": Entry("examples", "", "Test examples whose likelihood was bounded."),
    "marginal.samples": Entry("draws", "", "Poses and codes drawn for each example."),
    "pose.median_deg": Entry(
        "median error", DEGREES, "Half of the found poses are closer to their label's common pose."
    ),
    "pose.p90_deg": Entry(
        "90th percentile of the error", DEGREES, "Nine of ten found poses are closer."
    ),
    "pose.within_20": Entry(
        "within 20 degrees", SHARE, "Share of found poses this close to their label's common pose."
    ),
    "pose.resultant_length": Entry(
        "resultant length", "", "1: each label has one common pose; near 0: it has none."
    ),
    "pose.quarter_turn": Entry(
        "preference for quarter turns",
        "",
        "|mean exp(4 i angle)| of the found angles: near 0 as for angles drawn at random, "
        "1 if the search favours the pixel grid.",
    ),
    "canonical.outside": Entry(
        "decoded outside the support",
        "",
        "Mean decoded value minus background where no observation can see it; near 0 is right.",
    ),
    "canonical.cropped": Entry(
        "lost on the way back",
        SHARE,
        "Share of what is decoded that falls outside the frame of the input; near 0 is right.",
    ),
    "search.preset": Entry("preset", "", "Recipe of the search."),
    "search.forward_equivalents": Entry(
        "cost", "forward passes", "Operations of the search in full forward passes of the model."
    ),
    "search.seconds_per_example": Entry(
        "time per example", "seconds", "Wall-clock time of the search on this device."
    ),
    "train.steps": Entry("updates", "steps", "Updates of the weights."),
    "train.search": Entry("search", "", "Whether poses were searched before each update."),
    "train.seconds": Entry("time", "seconds", "Wall-clock time of training, search included."),
}


def table(summary: dict[str, Any]) -> str:
    """The summary as an HTML table; what it has no name for stands under its own key."""
    bodies = [_group(key, flat({key: value})) for key, value in summary.items()]
    return f'<table class="summary">{"".join(bodies)}</table>'


def flat(nested: dict[str, Any]) -> dict[str, Any]:
    """Nested dicts as one: `{"a": {"b": 1}}` as `{"a.b": 1}`."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        inner = flat(value) if isinstance(value, dict) else {}
        found |= {f"{key}.{name}": item for name, item in inner.items()} or {str(key): value}
    return found


def shown(key: str, value: Any) -> str:
    """The value of `key` with its unit, as HTML."""
    unit = ENTRIES[key].unit if key in ENTRIES else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, str):
        return escaped(ABSENT if value is None else value)
    text = number(100 * value) if unit == SHARE else number(value)
    return text if text == ABSENT or not unit else f'{text}&nbsp;<span class="unit">{unit}</span>'


def _group(key: str, values: dict[str, Any]) -> str:
    head = f'<tr><th colspan="3" scope="rowgroup">{escaped(GROUPS.get(key, key))}</th></tr>'
    rows = [_row(name, value, name.removeprefix(f"{key}.")) for name, value in values.items()]
    return f"<tbody>{head}{''.join(rows)}</tbody>"


def _row(key: str, value: Any, short: str) -> str:
    entry = ENTRIES.get(key, Entry(short.replace("_", " "), "", ""))
    return (
        f'<tr><td title="{escaped(key)}">{escaped(entry.name)}</td>'
        f'<td class="value">{shown(key, value)}</td><td>{escaped(entry.meaning)}</td></tr>'
    )
