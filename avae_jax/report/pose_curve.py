"""The picture of loss against the pose of the input, with and without search."""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from avae_jax.report import chart
from avae_jax.report.findings import Curve
from avae_jax.report.text import number, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def numbers(curve: Curve | None) -> dict[str, Any] | None:
    """Columns of the chart; None without a curve."""
    if curve is None or not len(curve.degrees):
        return None
    return {
        plain(curve.axis_label): curve.degrees,
        "loss_without_search_nats": curve.without_search,
        "loss_with_search_nats": curve.with_search,
    }


def right_angles(curve: Curve | None) -> str:
    """`dips`, `peaks` or nothing: how the loss with search at right angles differs from others."""
    if curve is None or not len(curve.degrees):
        return ""
    degrees, loss = np.asarray(curve.degrees, float), np.asarray(curve.with_search, float)
    right = np.isclose(degrees % 90, 0, atol=0.1) | np.isclose(degrees % 90, 90, atol=0.1)
    known = np.isfinite(loss)
    if np.ptp(degrees) < 120 or not ((right & known).any() and (~right & known).any()):
        return ""
    off = loss[right & known].mean() - loss[~right & known].mean()
    spread = loss[~right & known].std()
    return "" if abs(off) <= 2 * spread else "dips" if off < 0 else "peaks"


def draw(curve: Curve) -> bytes:
    """The chart as SVG."""
    return chart.svg(functools.partial(_paint, curve), width=480, height=320)


def _paint(curve: Curve, figure: "Figure") -> None:
    from matplotlib.ticker import MultipleLocator

    x = np.asarray(curve.degrees, float)
    lines = (
        ("without search", np.asarray(curve.without_search, float), chart.WITHOUT_SEARCH),
        ("with search", np.asarray(curve.with_search, float), chart.WITH_SEARCH),
    )
    axes = figure.add_axes((0.125, 0.165, 0.605, 0.715))
    axes.set_title("Loss at every pose of the input")
    for _, y, colour in lines:
        axes.plot(x, y, color=colour, marker="o", markersize=3.2)
    finite = np.concatenate([y[np.isfinite(y)] for _, y, _ in lines])
    # From zero, so that heights compare as the losses do.
    if finite.size and finite.min() >= 0:
        axes.set_ylim(0, 1.12 * max(finite.max(), 1e-9))
    axes.set_xlabel(plain(curve.axis_label, 48))
    axes.set_ylabel("nats per example")
    if np.ptp(x) >= 120:  # degrees of a turn, marked at eighths or quarters
        axes.xaxis.set_major_locator(MultipleLocator(45 if np.ptp(x) <= 225 else 90))
    chart.name_ends(axes, [_end(*line) for line in lines if np.isfinite(line[1]).any()])


def _end(name: str, y: np.ndarray, colour: str) -> tuple[float, str, str]:
    seen = y[np.isfinite(y)]
    return float(seen[-1]), f"{name}\nmean {number(seen.mean())}", colour
