"""The picture of the stated uncertainty: shares of true poses in regions of a probability."""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from avae_jax.report import chart
from avae_jax.report.findings import Reliability

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def numbers(found: Reliability | None) -> dict[str, Any] | None:
    """Columns of the chart; None without stated regions."""
    if found is None:
        return None
    return {
        "stated": np.array(found.stated),
        "held_of_model": np.round(found.held_of_model, 4),
        "held": np.round(found.held, 4),
    }


def draw(found: Reliability) -> bytes:
    """The chart as SVG."""
    return chart.svg(functools.partial(_paint, found), width=480, height=360)


def _paint(found: Reliability, figure: "Figure") -> None:
    from matplotlib.ticker import PercentFormatter

    axes = figure.add_axes((0.15, 0.145, 0.82, 0.765))
    axes.set_title("How often true poses lie in the stated regions")
    stated = np.array(found.stated)
    # Two standard errors of a share of so many examples, about what a right statement gives.
    every = np.linspace(0, 1, 101)
    error = 2 * np.sqrt(every * (1 - every) / found.examples)
    low, high = np.maximum(every - error, 0), np.minimum(every + error, 1)
    axes.fill_between(every, low, high, color=chart.GRID, label="as often as said, by chance")
    axes.plot(every, every, color=chart.MUTED, linewidth=1)
    for shares, colour, name in (
        (found.held, chart.WITH_SEARCH, "calibrated"),
        (found.held_of_model, chart.WITHOUT_SEARCH, "as the model states"),
    ):
        axes.plot(stated, shares, "o-", color=colour, label=name)
    axes.legend(loc="upper left", frameon=False, labelcolor=chart.MUTED)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("stated probability of the region")
    axes.set_ylabel("share of held-out examples in it")
