"""Examples before and after, as the contact sheet and the page of an alignment show them."""

import heapq
from collections.abc import Iterator
from typing import Any

import numpy as np

from avae_jax.alignment.job import Work
from avae_jax.alignment.row_store import Column
from avae_jax.data.formats import blocks
from avae_jax.data.intensity import scaled
from avae_jax.data.missing import hidden
from avae_jax.report.folder import Pair, Section
from avae_jax.transform.describe import sentence

SHOWN, WORST = 24, 8  # examples
CAPTION = (
    "Left as it came, right aligned. Below: name, pose as it came, loss before > after, gap to the "
    "next best pose (nats). Names of doubtful examples are orange."
)
LINES = 4096  # rows read at once


def shown_examples(work: Work, columns: dict[str, Column], mean: np.ndarray) -> tuple[Section, ...]:
    """The mean of all, evenly spaced examples and the most doubtful ones.

    Args:
      mean: of the aligned examples, as they are stored.
    """
    count = work.stack.shape[0]
    even = np.unique(np.linspace(0, count - 1, min(count, SHOWN)).round().astype(int))
    means = [levels(each.reshape(work.stack.example), work) for each in (work.surveyed.mean, mean)]
    # Means are faint: both are scaled by the maximum of the brighter one.
    top = max(max(float(each.max()) for each in means), 1e-6)
    whole = Pair(means[0] / top, means[1] / top, "", ())
    return (
        Section(f"Mean of all {count:,} examples", [whole], "Left as they came, right aligned."),
        Section("Examples, evenly spaced in the stack", _pairs(work, columns, even), CAPTION),
        Section(
            "The most doubtful examples: another pose explains them nearly as well",
            _pairs(work, columns, _worst(columns)),
        ),
    )


def class_averages(means: np.ndarray, members: np.ndarray, work: Work) -> Section:
    """The averages `[K, *S, C]` of classes with `members: [K]`, as they are stored."""
    shown = [levels(mean, work) for mean in means]
    low, high = min(map(np.min, shown)), max(map(np.max, shown))
    pairs = [
        Pair((image - low) / max(high - low, 1e-6), None, f"class {k}", (f"{count:,} images",))
        for k, (image, count) in enumerate(zip(shown, members, strict=True), 1)
    ]
    return Section("Class averages", pairs)


def _worst(columns: dict[str, Column]) -> list[int]:
    """The doubtful examples with the smallest gaps, in the order of the stack."""

    def all_of() -> Iterator[tuple[float, int]]:
        for start, stop in blocks(columns["losses"].shape[0], LINES):
            gaps = columns["losses"].read(start, stop)[:, 2]
            for place in np.flatnonzero(columns["doubtful"].read(start, stop)):
                yield float(gaps[place]), int(start + place)

    return sorted(index for _, index in heapq.nsmallest(WORST, all_of()))


def _pairs(work: Work, columns: dict[str, Column], indices: Any) -> list[Pair]:
    return [_pair(work, columns, int(index)) for index in indices]


def _pair(work: Work, columns: dict[str, Column], index: int) -> Pair:
    avae, stack = work.trained.avae, work.stack
    row = {name: column.read(index, index + 1)[0] for name, column in columns.items()}
    before, after, gap = row["losses"]
    pose = sentence(np.linalg.inv(row["poses"]), avae.group, work.seen.own)
    lines = (*pose.split(", "), f"{before:.0f} > {after:.0f} nats")
    if np.isfinite(gap):
        lines += (f"gap {gap:.1f} nats",)
    return Pair(
        levels(stack.raw(index, index + 1)[0], work),
        levels(row["aligned"].reshape(stack.example), work),
        stack.key(index) if stack.keys else f"{index}",
        lines,
        bool(row["doubtful"]),
    )


def levels(raw: np.ndarray, work: Work) -> np.ndarray:
    """Raw values scaled to [0, 1] for the sheet; `fill` where a pixel was not observed."""
    raw, fill = np.asarray(raw), work.seen.fill.astype(np.float32)
    # A mean is NaN where no example was observed.
    gone = hidden(raw, work.seen.missing._replace(nan=True))
    values = scaled(raw if gone is None else np.where(gone, 0, raw), work.seen.scaling)
    return np.clip(values if gone is None else np.where(gone, fill, values), 0, 1)
