"""The picture of the resultant length at moments of training."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from avae_jax.report import chart
from avae_jax.report.findings import Snapshot
from avae_jax.report.text import real

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def numbers(moments: Sequence[Snapshot]) -> dict[str, Any] | None:
    """Columns of the chart; None for fewer than two moments with a resultant length."""
    steps = np.array([moment.step for moment in moments], float)
    lengths = np.array([real(moment.resultant_length) for moment in moments])
    known = np.isfinite(lengths)
    return {"step": steps[known], "resultant_length": lengths[known]} if known.sum() > 1 else None


def draw(moments: Sequence[Snapshot]) -> bytes:
    """The chart as SVG, of moments that have `numbers`."""
    columns = numbers(moments)
    assert columns is not None
    paint = functools.partial(_paint, columns["step"], columns["resultant_length"])
    return chart.svg(paint, width=480, height=320)


def _paint(steps: np.ndarray, lengths: np.ndarray, figure: "Figure") -> None:
    axes = figure.add_axes((0.125, 0.165, 0.66, 0.715))
    axes.set_title("Agreement of found poses")
    axes.plot(steps, lengths, color=chart.WITH_SEARCH, marker="o", markersize=4)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("step (weight updates)")
    axes.set_ylabel("resultant length (1: one pose)")
    chart.name_ends(axes, [(float(lengths[-1]), f"{lengths[-1]:.2f}", chart.WITH_SEARCH)])
