"""The picture of the pose errors: a histogram of the angles from the common pose."""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from avae_jax.report import chart
from avae_jax.report.agreement import shares
from avae_jax.report.findings import Agreement
from avae_jax.report.settled import OPPOSITE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def numbers(found: Agreement | None) -> dict[str, Any] | None:
    """Columns of the chart; None without errors."""
    if found is None or not len(found.degrees):
        return None
    edges, share = shares(found.degrees)
    at_random = _at_random(edges, found.dimensions)
    columns = (edges[:-1], edges[1:], np.round(share, 4), np.round(at_random, 4))
    return dict(zip(("from_deg", "to_deg", "share", "share_at_random"), columns, strict=True))


def draw(found: Agreement) -> bytes:
    """The chart as SVG."""
    return chart.svg(functools.partial(_paint, found), width=480, height=320)


def _paint(found: Agreement, figure: "Figure") -> None:
    from matplotlib.ticker import MultipleLocator, PercentFormatter

    edges, share = shares(found.degrees)
    middle = (edges[1:] + edges[:-1]) / 2
    axes = figure.add_axes((0.125, 0.165, 0.845, 0.715))
    axes.set_title("How far found poses lie from the common pose")
    colours = [chart.WITHOUT_SEARCH if x > OPPOSITE else chart.WITH_SEARCH for x in middle]
    axes.bar(middle, share, width=0.9 * np.diff(edges), color=colours)
    random = _at_random(edges, found.dimensions)
    (line,) = axes.plot(middle, random, "--", color=chart.MUTED, linewidth=1.2)
    line.set_label("poses at random")
    # A band above the highest bar, so that the words lie on none.
    axes.set_ylim(0, 1.2 * max(*share, *random))
    axes.legend(loc="upper center", frameon=False, labelcolor=chart.MUTED)
    half = float((found.degrees > OPPOSITE).mean())
    if half >= 0.03:
        axes.annotate(
            f"half a turn off: {half:.0%}",
            (178, max(*share[-2:], *random[-6:])),
            xytext=(0, 8),
            textcoords="offset points",
            ha="right",
            color=chart.WITHOUT_SEARCH,
            fontweight="bold",
        )
    axes.set_xlim(0, 180)
    axes.xaxis.set_major_locator(MultipleLocator(20))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("angle from the common pose of the label (degrees)")
    axes.set_ylabel("share of held-out examples")


def _at_random(edges: np.ndarray, dimensions: int) -> np.ndarray:
    """The share of rotations at random in each bin."""
    turn = np.radians(edges)
    below = turn / np.pi if dimensions == 2 else (turn - np.sin(turn)) / np.pi
    return np.diff(below)
