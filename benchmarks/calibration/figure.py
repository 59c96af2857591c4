"""The pictures of a calibration: shares of true poses in stated regions, and ranks of true poses.

    python -m benchmarks.calibration.figure calibration.json calibration.png --ranks ranks.png

If the stated distributions are right, the ranks of the truth among draws are uniform
(simulation-based calibration, Talts et al. 2018).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks import command_line

COLOURS = ("#0072B2", "#D55E00", "#007F5C", "#A8487F")
PANELS = (("own", "Images drawn from the model"), ("real", "Held-out objects, turned at random"))


def main() -> None:
    """Reads the numbers and writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", type=Path, help="of benchmarks.calibration")
    parser.add_argument("picture", type=command_line.destination, help="of the regions")
    parser.add_argument("--ranks", type=command_line.destination, help="the picture of the ranks")
    flags = parser.parse_args()
    numbers = json.loads(flags.numbers.read_text())
    draw_regions(numbers, flags.picture)
    if flags.ranks:
        draw_ranks(numbers, flags.ranks)


def draw_regions(numbers: dict[str, Any], path: Path) -> None:
    """Writes the shares of true poses in the regions of each case."""
    figure = Figure(figsize=(10, 4.6), dpi=110, layout="constrained")
    stated = np.array(numbers["stated"])
    axes = figure.subplots(1, 2, sharey=True)
    for panel, (kind, title) in zip(axes, PANELS, strict=True):
        panel.plot([0.4, 1], [0.4, 1], color="#59636e", linewidth=1)
        cases = [name for name in numbers["cases"] if name.endswith(kind)]
        for name, colour in zip(cases, COLOURS, strict=False):
            row = numbers["cases"][name]
            label = name.removesuffix(f"_{kind}").replace("_", ", ")
            panel.plot(stated, row["held"], "o-", color=colour, label=label)
            panel.plot(stated, row["held_of_model"], "o--", color=colour, alpha=0.45)
        panel.set_title(title, loc="left", fontweight="bold", fontsize=11)
        panel.set_xlabel("stated probability of the region")
        panel.grid(color="#dfe4e9")
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("share of true poses in it")
    axes[0].set_ylim(0, 1.02)
    axes[1].legend(
        frameon=False,
        alignment="left",
        loc="upper left",
        title="solid: calibrated\ndashed: as the model states",
    )
    figure.savefig(path)


def draw_ranks(numbers: dict[str, Any], path: Path) -> None:
    """Writes the histograms of the ranks of each case, beside what chance would give."""
    names = list(dict.fromkeys(name.rpartition("_")[0] for name in numbers["cases"]))
    figure = Figure(figsize=(2.9 * len(names) + 0.6, 5), dpi=110, layout="constrained")
    panels = figure.subplots(2, len(names), sharex=True, sharey=True, squeeze=False)
    for (kind, title), line in zip(PANELS, panels, strict=True):
        for panel, name, colour in zip(line, names, COLOURS, strict=False):
            row = numbers["cases"][f"{name}_{kind}"]
            bins, count = len(row["ranks"]), row["checked"]
            edges, even = np.linspace(0, 1, bins + 1), count / bins
            chance = 2 * np.sqrt(count / bins * (1 - 1 / bins)) / even
            panel.axhspan(1 - chance, 1 + chance, color="#dfe4e9", zorder=0)
            before, after = (np.array(row[key]) / even for key in ("ranks_of_model", "ranks"))
            panel.stairs(before, edges, color="#59636e", linewidth=1)
            panel.stairs(after, edges, color=colour, linewidth=2)
            panel.set_title(f"{name.replace('_', ', ')}, n = {count:,}", fontsize=10, loc="left")
            panel.spines[["top", "right"]].set_visible(False)
        line[0].set_ylabel(f"{title},\nrelative frequency", fontsize=9)
    panels[0, 0].set_ylim(0, 4)
    for panel in panels[-1]:
        panel.set_xlabel("rank of the true pose")
    figure.suptitle(
        "Thick: calibrated. Thin: as the model states. Grey: two standard errors around uniform.",
        x=0.01,
        ha="left",
        fontsize=10,
    )
    figure.savefig(path)


if __name__ == "__main__":
    command_line.run(main)
