"""Small diagrams of found poses: a rose for angles in the plane, a histogram in space.

Both take angles in degrees and draw into a square of a larger picture whose unit is the
pixel and whose y axis points down. Both turn from grey to blue as the poses agree.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from avae_jax.report import chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

SECTORS = 20  # of a rose, 18 degrees each; a multiple of 4 keeps right angles whole
BINS = 18  # of a histogram, 10 degrees each
UNSETTLED, SETTLED = np.array([0.69, 0.72, 0.76]), np.array([0.0, 0.447, 0.698])
GROUND = "#f3f5f7"
DASHED = (0, (3, 3))


class Cell(NamedTuple):
    """The square of one diagram and its data."""

    x: float  # centre, in pixels
    y: float
    side: float
    share: np.ndarray  # of the poses in each bin; sums to 1 if there are any
    agreement: float  # 0 if poses are uniform, 1 if they are equal

    @property
    def colour(self) -> tuple[float, ...]:
        return tuple(UNSETTLED + self.agreement * (SETTLED - UNSETTLED))


def plane(angle: np.ndarray) -> tuple[np.ndarray, float]:
    """Shares per sector of directions `angle [n]`, and their agreement."""
    # A sector is centred on the vertical, so that a common pose there is one beam, not two.
    sector = np.floor(angle / (360 / SECTORS) + 0.5).astype(int) % SECTORS
    agreement = abs(np.exp(1j * np.radians(angle)).mean()) if angle.size else 0.0
    return _shares(np.bincount(sector, minlength=SECTORS)), float(agreement)


def space(angle: np.ndarray) -> tuple[np.ndarray, float]:
    """Shares per bin of rotation angles `angle [n]` in [0, 180], and their agreement."""
    count, _ = np.histogram(np.clip(angle, 0, 180), bins=BINS, range=(0, 180))
    # The trace of a rotation: its mean is 0 for uniform rotations and 3 for one pose.
    trace = 1 + 2 * np.cos(np.radians(angle))
    return _shares(count), max(float(trace.mean()), 0.0) / 3 if angle.size else 0.0


def rose(axes: "Axes", cell: Cell, highest: float) -> None:
    """Beams whose area is the share of poses; the dashed circle is an even spread.

    Args:
        highest: the share whose beam reaches the rim.
    """
    from matplotlib.patches import Circle, PathPatch

    middle, radius = (cell.x, cell.y), 0.43 * cell.side
    axes.add_patch(Circle(middle, radius, facecolor=GROUND, edgecolor=chart.GRID))
    beams = _beams(cell, radius * np.sqrt(cell.share / highest))
    axes.add_patch(PathPatch(beams, facecolor=cell.colour, edgecolor=GROUND, linewidth=0.6))
    even = radius * np.sqrt(1 / SECTORS / highest)
    axes.add_patch(
        Circle(middle, even, fill=False, edgecolor=chart.MUTED, linewidth=0.7, linestyle=DASHED)
    )
    axes.plot(
        [cell.x] * 2,
        [cell.y - radius, cell.y - radius - 0.05 * cell.side],
        color=chart.MUTED,
        linewidth=1,
    )


def _beams(cell: Cell, length: np.ndarray) -> "Path":
    """One path of all sectors: zero degrees up, counter-clockwise, `length` in pixels."""
    from matplotlib.path import Path

    width = 2 * np.pi / SECTORS
    points, codes = [], []
    for sector in np.flatnonzero(length):
        turn = width * (sector + np.linspace(-0.5, 0.5, 5))
        rim = length[sector] * np.stack([-np.sin(turn), -np.cos(turn)], axis=1)
        points += [(0.0, 0.0), *rim, (0.0, 0.0)]
        codes += [Path.MOVETO, *[Path.LINETO] * len(rim), Path.CLOSEPOLY]
    return Path(np.reshape(points, (-1, 2)) + np.array([cell.x, cell.y]), codes)


def histogram(axes: "Axes", cell: Cell, highest: float) -> None:
    """Shares per 10 degrees; the dashed line is the distribution for uniform rotations.

    Args:
        highest: the share whose bar reaches the top.
    """
    left, width = cell.x - 0.43 * cell.side, 0.86 * cell.side
    base, height = cell.y + 0.36 * cell.side, 0.74 * cell.side
    edges = left + width * np.arange(BINS + 1) / BINS
    top = base - height * cell.share / highest
    axes.stairs(top, edges, baseline=base, fill=True, color=cell.colour)
    turn = np.linspace(0, np.pi, 40)
    chance = (1 - np.cos(turn)) / BINS  # of a uniform rotation, per bin
    at_random = base - height * np.minimum(chance / highest, 1)
    axes.plot(left + width * turn / np.pi, at_random, color=chart.MUTED, lw=0.8, ls=DASHED)
    axes.plot([left, left + width], [base, base], color=chart.MUTED, linewidth=0.8)
    for degrees, side in ((0, "left"), (90, "center"), (180, "right")):
        at, text = left + width * degrees / 180, f"{degrees}\u00b0"
        axes.text(at, base + 11, text, ha=side, color=chart.MUTED, fontsize=8.3)


def _shares(count: np.ndarray) -> np.ndarray:
    return count / max(count.sum(), 1)
