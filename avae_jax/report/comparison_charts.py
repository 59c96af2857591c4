"""Curves of several runs in one chart."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from avae_jax.report import chart
from avae_jax.report.saved import SavedRun
from avae_jax.report.templates import uri
from avae_jax.report.text import plain, real

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#B84F00", "#007F5C", "#A8487F", "#6b5a00", "#59636e")
STYLES = ("-", "--", ":")


class Overlaid(NamedTuple):
    """A chart: its title, the columns of its numbers, and the picture as part of the page."""

    title: str
    columns: dict[str, list[Any]]
    uri: str


class Axis(NamedTuple):
    """What a chart takes of the chart of each run."""

    name: str
    title: str
    column: str
    words: str


AXES = (
    Axis("loss", "Loss against the step of training", "loss", "nats per example"),
    Axis(
        "agreement",
        "Agreement of found poses",
        "resultant_length",
        "resultant length (1: one pose)",
    ),
    Axis(
        "curve",
        "Loss with search at every pose of the input",
        "loss_with_search_nats",
        "nats per example",
    ),
)


class Line(NamedTuple):
    """The curve of a run."""

    run: str
    x: np.ndarray
    y: np.ndarray


def charts(runs: Sequence[SavedRun]) -> dict[str, Overlaid]:
    """The charts that at least one run has, by name."""
    found = {axis.name: _chart(axis, runs) for axis in AXES}
    return {name: one for name, one in found.items() if one is not None}


def _chart(axis: Axis, runs: Sequence[SavedRun]) -> Overlaid | None:
    lines, words = [], "step (weight updates)"
    for run in runs:
        known = run.data["charts"].get(axis.name)
        if known is None:
            continue
        first = next(iter(known["columns"]))
        words = words if first == "step" else first
        x, y = (np.array([*map(real, known["columns"][name])]) for name in (first, axis.column))
        # Rows of other columns have no value here.
        lines.append(Line(run.name, x[np.isfinite(y)], y[np.isfinite(y)]))
    if not any(np.isfinite(line.y).any() for line in lines):
        return None
    columns: dict[str, list[Any]] = {
        "run": [line.run for line in lines for _ in line.x],
        plain(words): [float(x) for line in lines for x in line.x],
        axis.column: [float(y) for line in lines for y in line.y],
    }
    paint = functools.partial(_paint, axis, words, lines)
    return Overlaid(
        axis.title, columns, uri("image/svg+xml", chart.svg(paint, width=480, height=330))
    )


def _paint(axis: Axis, words: str, lines: Sequence[Line], figure: "Figure") -> None:
    axes = figure.add_axes((0.135, 0.165, 0.835, 0.735))
    axes.set_title(axis.title)
    for place, line in enumerate(lines):
        style = STYLES[place // len(COLOURS) % len(STYLES)]
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(line.x, line.y, style, color=colour, linewidth=1.8, label=plain(line.run, 28))
    finite = np.concatenate([line.y[np.isfinite(line.y)] for line in lines])
    low, high = finite.min(), finite.max()
    if axis.name == "loss":
        # The first few updates would flatten the rest.
        high = min(high, np.quantile(finite, 0.9) + np.quantile(finite, 0.9) - low)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - room, high + room)
    axes.set_xlabel(plain(words, 48))
    axes.set_ylabel(axis.words)
    axes.legend(loc="best", fontsize=10.4, framealpha=0.9)
