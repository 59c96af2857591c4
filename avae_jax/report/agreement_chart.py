"""The picture of the resultant length at moments of training."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from avae_jax.report import chart
from avae_jax.report.findings import Snapshot
from avae_jax.report.text import real

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(moments: Sequence[Snapshot]) -> bytes | None:
    """The chart as SVG; None for fewer than two moments with a resultant length."""
    steps = np.array([moment.step for moment in moments], float)
    lengths = np.array([real(moment.resultant_length) for moment in moments])
    known = np.isfinite(lengths)
    if known.sum() < 2:
        return None
    return chart.svg(functools.partial(_paint, steps[known], lengths[known]), width=480, height=320)


def _paint(steps: np.ndarray, lengths: np.ndarray, figure: "Figure") -> None:
    axes = figure.add_axes((0.125, 0.165, 0.66, 0.715))
    axes.set_title("Agreement of found poses")
    axes.plot(steps, lengths, color=chart.WITH_SEARCH, marker="o", markersize=4)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("step (weight updates)")
    axes.set_ylabel("resultant length (1: one pose a label)")
    chart.name_ends(axes, [(float(lengths[-1]), f"{lengths[-1]:.2f}", chart.WITH_SEARCH)])
