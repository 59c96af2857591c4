"""Chart of the estimated poses of each label in snapshots of training.

One axis has labels, the other snapshots. In 2-D a cell is a rose: its beams show the directions of
the top of the objects at the estimated poses. In 3-D a cell is a histogram of angles from the
common pose of the label.
"""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from avae_jax.report import cells, chart
from avae_jax.report.findings import Snapshot
from avae_jax.report.text import label_name, real

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS, MOMENTS = 10, 8  # largest numbers shown
ABOVE, BELOW, ASIDE = 84, 44, 132  # pixels around the cells
WIDTH, SMALLEST, LARGEST = 1030, 92.0, 170.0  # pixels: of all cells, of one

FEET = {
    2: "direction of the object's top in the canonical frame: 0\u00b0 up, 90\u00b0 left; "
    "area of a beam: share of examples",
    3: "angle from the label's common pose, degrees; height of a bar: share of examples",
}


class Head(NamedTuple):
    """Heading of a row or a column."""

    title: str
    note: str = ""


class Grid(NamedTuple):
    """The cells: angles in degrees, row by row."""

    rows: list[Head]
    columns: list[Head]
    angles: list[list[np.ndarray]]

    @property
    def side(self) -> float:
        """Of a cell, in pixels."""
        return float(np.clip(WIDTH / len(self.columns), SMALLEST, LARGEST))


def numbers(
    moments: Sequence[Snapshot], names: tuple[str, ...], *, dimensions: int
) -> dict[str, Any] | None:
    """Agreement of the poses of each label at each moment; None without found poses."""
    tally = cells.plane if dimensions == 2 else cells.space
    rows = [
        (moment.step, label_name(label, names), len(angle), round(tally(angle)[1], 3))
        for moment in moments
        for label in labels(moments)
        for angle in [angles(moment, label)]
    ]
    if not rows:
        return None
    columns = zip(*rows, strict=True)
    return dict(zip(("step", "label", "examples", "agreement"), columns, strict=True))


def note(moments: Sequence[Snapshot]) -> str:
    """A sentence where the chart leaves labels out."""
    present = len(labels(moments))
    return f"The first {LABELS} of {present} labels are shown." if present > LABELS else ""


def draw(moments: Sequence[Snapshot], names: tuple[str, ...], *, dimensions: int) -> bytes:
    """The chart as SVG, of moments with found poses."""
    grid = _grid(_spread(moments), labels(moments)[:LABELS], names)
    width = round(ASIDE + grid.side * len(grid.columns) + 12)
    height = round(ABOVE + grid.side * len(grid.rows) + BELOW)
    paint = functools.partial(_paint, grid, dimensions, (width, height))
    return chart.svg(paint, width=width, height=height)


def labels(moments: Sequence[Snapshot]) -> list[int]:
    """The labels that occur, in order."""
    return sorted({int(label) for moment in moments for label in np.ravel(moment.label)})


def _spread(moments: Sequence[Snapshot]) -> list[Snapshot]:
    """At most `MOMENTS` of the snapshots, including the first and the last."""
    count = min(len(moments), MOMENTS)
    return [moments[i] for i in np.linspace(0, len(moments) - 1, count).round().astype(int)]


def _grid(moments: Sequence[Snapshot], shown: list[int], names: tuple[str, ...]) -> Grid:
    """Labels by snapshots, or the transpose, so that the picture is wider than high."""
    everything = shown == [0] and not names
    of_labels = [Head("all" if everything else label_name(x, names, 14)) for x in shown]
    of_moments = [Head(f"step {m.step:,}", _resultant(m)) for m in moments]
    if len(shown) <= len(moments):
        by_label = [[angles(moment, label) for moment in moments] for label in shown]
        return Grid(of_labels, of_moments, by_label)
    by_moment = [[angles(moment, label) for label in shown] for moment in moments]
    return Grid(of_moments, of_labels, by_moment)


def _resultant(moment: Snapshot) -> str:
    length = real(moment.resultant_length)
    return f"resultant {length:.2f}" if np.isfinite(length) else ""


def angles(moment: Snapshot, label: int) -> np.ndarray:
    """Finite angles of one label in degrees."""
    angle = np.ravel(np.asarray(moment.angle, float))
    return angle[(np.ravel(moment.label) == label) & np.isfinite(angle)]


def _paint(grid: Grid, dimensions: int, size: tuple[int, int], figure: "Figure") -> None:
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, size[0]), ylim=(size[1], 0))
    axes.set_axis_off()
    axes.text(4, 22, "Found poses of held-out examples", fontsize=11.5, fontweight="bold")
    _heads(axes, grid)
    tally, diagram = (
        (cells.plane, cells.rose) if dimensions == 2 else (cells.space, cells.histogram)
    )
    drawn = [
        cells.Cell(_column(grid, column), _row(grid, row), grid.side, *tally(angle))
        for row, line in enumerate(grid.angles)
        for column, angle in enumerate(line)
    ]
    highest = max(cell.share.max() for cell in drawn) or 1.0
    foot = f"{FEET[dimensions]}; the largest is {100 * highest:.0f} % of a cell's examples"
    axes.text(ASIDE + 6, size[1] - 14, foot, color=chart.MUTED, fontsize=8.5)
    for cell in drawn:
        diagram(axes, cell, highest)


def _heads(axes: "Axes", grid: Grid) -> None:
    note: dict[str, Any] = {"color": chart.MUTED, "fontsize": 8.5}
    x: float
    y: float
    for column, head in enumerate(grid.columns):
        x, y = _column(grid, column), ABOVE - (26 if head.note else 12)
        axes.text(x, y, head.title, ha="center", fontweight="bold")
        axes.text(x, y + 16, head.note, ha="center", **note)
    for row, head in enumerate(grid.rows):
        x, y = ASIDE - 14, _row(grid, row) + (0 if head.note else 4)
        axes.text(x, y, head.title, ha="right", fontweight="bold")
        axes.text(x, y + 16, head.note, ha="right", **note)


def _column(grid: Grid, column: int) -> float:
    """Middle of a column in pixels."""
    return ASIDE + (column + 0.5) * grid.side


def _row(grid: Grid, row: int) -> float:
    """Middle of a row in pixels."""
    return ABOVE + (row + 0.5) * grid.side
