"""The picture of a calibration: shares of true poses in stated regions, before and after.

python -m benchmarks.calibration.figure calibration.json calibration.png
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
    parser.add_argument("picture", type=command_line.destination)
    flags = parser.parse_args()
    draw(json.loads(flags.numbers.read_text()), flags.picture)


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Writes the picture of the cases of `numbers`."""
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
    axes[0].legend(
        frameon=False, alignment="left", title="solid: calibrated; dashed: as the model states"
    )
    figure.savefig(path)


if __name__ == "__main__":
    command_line.run(main)
