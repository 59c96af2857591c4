"""A figure for every experiment, drawn from its numbers alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#1f5fa8", "#d1600f", "#2b8a57", "#8a8a8a"
STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "legend.frameon": False,
    "savefig.dpi": 130,
}
COLOURS = {
    "search_random": BLUE,
    "search_upright": GREEN,
    "search_augmented": ORANGE,
    "search_original": ORANGE,
    "vae_upright": GREY,
    "upright": GREEN,
    "augmented": ORANGE,
}
WORDS = {
    "search_random": "trained on random poses, with the search",
    "search_upright": "trained upright, searched afterwards",
    "search_augmented": "trained on random poses without search, searched afterwards",
    "vae_upright": "trained upright, no search: a plain VAE",
    "search_original": "trained on random poses, with the search of the article",
    "upright": "upright data, no search",
    "augmented": "random poses, no search",
}


def draw(name: str, numbers: dict[str, Any], file: Path) -> None:
    """Draws the figure of an experiment into `file`."""
    with mpl.rc_context(STYLE):
        FIGURES[name](numbers).savefig(file, bbox_inches="tight")


def _table1(numbers: dict[str, Any]) -> Figure:
    figure, axes = _page(5.6, 3.4)
    for row, curve in numbers["curves"]["nats"].items():
        axes.plot(numbers["angles"], curve, color=COLOURS[row], marker=".", label=WORDS[row])
    axes.set(xlabel="rotation of the test digits (degrees)", ylabel="loss (nats)")
    axes.set_xticks(numbers["angles"][::3])
    _under(axes)
    return figure


def _affine(numbers: dict[str, Any]) -> Figure:
    figure, axes = _page(4.2, 1.3)
    names = {"vae": "VAE of the same data", "search": "with the search"}
    values = [numbers[name] for name in names]
    spread = [numbers.get(f"{name}_std", 0.0) for name in names]
    axes.barh(list(names.values()), values, xerr=spread, color=[ORANGE, BLUE], height=0.6)
    axes.set(xlabel="loss of digits at random affine poses (nats)")
    return figure


def _settling(numbers: dict[str, Any]) -> Figure:
    moments = [*numbers["moments"], {"step": "end", **numbers["end"]}]
    digits = sorted(numbers["end"]["histograms"])
    middles = np.convolve(numbers["bins"], [0.5, 0.5], "valid")
    figure = Figure(figsize=(10, 0.8 * len(moments) + 0.6), layout="constrained")
    grid = figure.subplots(len(moments), len(digits), sharex=True, squeeze=False)
    for line, moment in zip(grid, moments, strict=True):
        for axes, digit in zip(line, digits, strict=True):
            counts = np.array(moment["histograms"].get(digit, np.zeros(len(middles))), float)
            axes.bar(middles, counts / max(counts.sum(), 1), width=15, color=BLUE)
            axes.set(yticks=[], ylim=(0, 0.85), xticks=(0, 180))
            axes.spines["left"].set_visible(False)
        step = moment["step"]
        label = "end" if step == "end" else f"{step} updates"
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    for axes, digit in zip(grid[0], digits, strict=True):
        axes.set_title(f"digit {digit}")
    figure.supxlabel("angle at which the model stores the digit, in degrees from that of 6")
    return figure


def _clock(numbers: dict[str, Any]) -> Figure:
    figure, axes = _page(5.6, 3.4)
    for name, rows in numbers["curves"].items():
        x, y = ([row[key] for row in rows] for key in ("seconds", "loss"))
        colour = {"augmented": GREEN}.get(name, COLOURS[name])
        axes.plot(x, y, color=colour, marker=".", label=WORDS[name])
    lowest = [min(row["loss"] for row in rows) for rows in numbers["curves"].values()]
    # The first updates of all recipes lie far above.
    axes.set_ylim(min(lowest) - 5, max(lowest) + 40)
    axes.set_xscale("log")
    axes.set(xlabel="time of training (seconds)", ylabel="held-out loss (nats)")
    _under(axes)
    return figure


def _capacity(numbers: dict[str, Any]) -> Figure:
    figure, axes = _page(4.6, 3.2)
    for kind, losses in numbers["losses"].items():
        rows = [losses[str(latent)] for latent in numbers["latent"]]
        _with_bars(axes, numbers["latent"], rows, color=COLOURS[kind], label=WORDS[kind])
    axes.set_xscale("log", base=2)
    axes.set(xticks=numbers["latent"], xticklabels=numbers["latent"])
    axes.set(xlabel="latent size", ylabel="loss (nats)")
    _under(axes)
    return figure


def _volumes(numbers: dict[str, Any]) -> Figure:
    titles = {}
    words = {
        "right_angles": "24 right angles",
        "rotation": "any rotation",
        "rigid": "rotation and shifts",
    }
    for row in numbers["rows"]:
        titles.setdefault((row["objects"], row["poses"]), []).append(row)
    figure = Figure(figsize=(2.1 * len(titles), 2.6), layout="constrained")
    grid = figure.subplots(1, len(titles), squeeze=False)[0]
    for axes, ((objects, poses), rows) in zip(grid, titles.items(), strict=True):
        latent = [row["latent"] for row in rows]
        for way, colour, label in (
            ("without", ORANGE, "without search"),
            ("with_search", BLUE, "with search in training"),
        ):
            errors = [row[way]["squared_error"] for row in rows]
            _with_bars(axes, latent, errors, color=colour, label=label)
        axes.set(title=f"{objects},\n{words[poses]}", xlabel="latent size", xticks=latent)
        axes.set_ylim(0)
    grid[0].set_ylabel("squared error")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _basin(numbers: dict[str, Any]) -> Figure:
    figure, axes = _page(4.6, 2.8)
    names = {
        "search": ("the search: 256 even starts, best 4 refined", BLUE),
        "adam": ("gradients alone: Adam", ORANGE),
        "gauss_newton": ("gradients alone: Gauss-Newton", GREY),
    }
    for name, (label, colour) in names.items():
        _with_bars(axes, numbers["angles"], numbers["shares"][name], color=colour, label=label)
    within = numbers["within_degrees"]
    axes.set(xlabel="turned by (degrees)", ylabel=f"share within {within:g} degrees")
    axes.set(xticks=numbers["angles"], ylim=(-0.03, 1.03))
    _under(axes)
    return figure


def _baselines(numbers: dict[str, Any]) -> Figure:
    names = {
        "augmented": "VAE, random poses",
        "augmented_wide": "the same, 4 times the weights",
        "spatial_transformer": "spatial transformer",
        "spatial_transformer_searched": "spatial transformer, then searched",
        "search_random": "search in training",
    }
    figure, axes = _page(4.6, 2.0)
    rows = [numbers["rows"][name]["nats"] for name in names]
    values = [row["mean"] for row in rows]
    low, high = np.array([row["interval"] for row in rows]).T
    bars = np.abs(np.array([values - low, high - values]))
    colours = [BLUE if name == "search_random" else GREY for name in names]
    axes.barh(list(names.values()), values, xerr=bars, color=colours, height=0.6)
    axes.invert_yaxis()
    axes.set(xlabel="loss of test digits at random poses (nats)")
    return figure


def _shift(numbers: dict[str, Any]) -> Figure:
    figure, axes = _page(5.6, 2.6)
    names, place = list(numbers["shifts"]), np.arange(len(numbers["shifts"]))
    ways = {
        "without": ("as it comes", ORANGE),
        "with_search": ("with the search", BLUE),
        "at_true_pose": ("moved back by the truth", GREY),
    }
    for way, offset in zip(ways, (-0.27, 0.0, 0.27), strict=True):
        label, colour = ways[way]
        values = [numbers["shifts"][name][way]["mean"] for name in names]
        axes.bar(place + offset, values, width=0.25, color=colour, label=label)
    axes.axhline(numbers["upright"]["mean"], color="black", lw=0.8, ls=":", label="upright digits")
    axes.set(ylabel="loss (nats)", xticks=place)
    axes.set_xticklabels([name.replace(", shifted", ",\nshifted") for name in names])
    _under(axes, columns=2)
    return figure


def _page(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def _under(axes: Axes, *, columns: int = 1) -> None:
    """The legend below the plot, where it hides nothing."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=columns)


def _with_bars(axes: Axes, x: Any, rows: list[dict[str, Any]], **style: Any) -> None:
    """Means, and their bootstrap intervals as bars."""
    means = np.array([row["mean"] for row in rows])
    low, high = np.array([row["interval"] for row in rows]).T
    axes.errorbar(x, means, np.abs([means - low, high - means]), marker=".", capsize=2, **style)


FIGURES: dict[str, Callable[[dict[str, Any]], Figure]] = {
    "affine": _affine,
    "baselines": _baselines,
    "basin": _basin,
    "capacity": _capacity,
    "clock": _clock,
    "settling": _settling,
    "shift": _shift,
    "table1": _table1,
    "volumes": _volumes,
}
