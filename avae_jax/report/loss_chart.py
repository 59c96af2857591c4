"""The picture of the loss, its two terms and the held-out loss against the step of training."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from avae_jax.report import chart
from avae_jax.report.findings import Snapshot
from avae_jax.report.text import number, real

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 400  # at most; more lines are averaged in groups


def numbers(
    metrics: Sequence[dict[str, Any]], moments: Sequence[Snapshot]
) -> dict[str, Any] | None:
    """Columns of the chart, rows by step; None if no line has a finite loss."""
    series = {key: column(metrics, key) for key in ("step", "loss", "nll", "kl")}
    if not (np.isfinite(series["loss"]) & np.isfinite(series["step"])).any():
        return None
    held_out = np.array([(moment.step, real(moment.loss)) for moment in moments]).reshape(-1, 2)
    held_out = held_out[np.isfinite(held_out[:, 1])]
    own = len(series["step"])
    order = np.argsort(np.concatenate([series["step"], held_out[:, 0]]), kind="stable")
    rows = {
        key: np.append(values, np.full(len(held_out), np.nan)) for key, values in series.items()
    }
    rows["step"][own:] = held_out[:, 0]
    rows["held_out"] = np.append(np.full(own, np.nan), held_out[:, 1])
    return {key: values[order] for key, values in rows.items()}


def draw(metrics: Sequence[dict[str, Any]], moments: Sequence[Snapshot]) -> bytes:
    """The chart as SVG, of metrics that have `numbers`."""
    series = numbers(metrics, moments)
    assert series is not None
    return chart.svg(functools.partial(_paint, series), width=480, height=320)


def column(metrics: Sequence[dict[str, Any]], key: str) -> np.ndarray:
    """One value of every line, averaged in groups to at most `POINTS`; NaN where absent."""
    values = np.array([real(line.get(key)) for line in metrics if "loss" in line])
    group = -(-len(values) // POINTS)
    if group <= 1:
        return values
    padded = np.pad(values, (0, -len(values) % group), constant_values=np.nan)
    groups = padded.reshape(-1, group)
    count = np.isfinite(groups).sum(axis=1)
    return np.where(np.isfinite(groups), groups, 0).sum(axis=1) / np.where(count, count, np.nan)


def _paint(series: dict[str, np.ndarray], figure: "Figure") -> None:
    axes = figure.add_axes((0.125, 0.165, 0.6, 0.715))
    axes.set_title("Training")
    step, nll, kl = series["step"], series["nll"], series["kl"]
    named = (
        ("loss", series["loss"], chart.INK, ""),
        ("nll", nll, chart.SECOND, ""),
        ("held out", series["held_out"], chart.WITH_SEARCH, "o"),
    )
    lines = [line for line in named if np.isfinite(line[1]).any()]
    for _, y, colour, marker in lines:
        seen = np.isfinite(y)
        axes.plot(step[seen], y[seen], color=colour, linewidth=1.8, marker=marker, markersize=4)
    ends = [(_last(y), f"{name} {number(_last(y))}", colour) for name, y, colour, _ in lines]
    seen = np.isfinite(nll + kl)
    if seen.any():
        band = step[seen], nll[seen], (nll + kl)[seen]
        axes.fill_between(*band, color=chart.THIRD, alpha=0.35, linewidth=0)
        ends.append((_last(nll + kl / 2), f"kl {number(_last(kl))}", chart.THIRD))
    _frame(axes, np.concatenate([y for _, y, *_ in lines]))
    axes.set_xlabel("step (weight updates)")
    axes.set_ylabel("nats per example")
    chart.name_ends(axes, ends)


def _frame(axes: "Axes", values: np.ndarray) -> None:
    """Limits of the axis; the first few updates may exceed them, or they would flatten the rest."""
    finite = values[np.isfinite(values)]
    low, bulk, high = finite.min(), np.quantile(finite, 0.9), finite.max()
    room = 0.1 * (bulk - low) or 0.05 * abs(bulk) or 1.0
    axes.set_ylim(low - room, min(high, bulk + (bulk - low)) + room)


def _last(values: np.ndarray) -> float:
    seen = values[np.isfinite(values)]
    return float(seen[-1])
