"""Boxes and lathe-turned parts, the building blocks of the solids."""

import itertools
from typing import NamedTuple

import numpy as np

Axes = tuple[np.ndarray, np.ndarray, np.ndarray]  # coordinates of the grid along x, y and z

# Points on a circle for the measurement of its extent.
TURN = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)


class Box(NamedTuple):
    """A box between two corners; `lean` moves its top back, along y, per unit of height."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    lean: float = 0.0

    def outline(self) -> np.ndarray:
        """`[8, 3]`, the corners."""
        spans = zip(self.low, self.high, strict=True)
        corners = np.array(list(itertools.product(*spans)), dtype=np.float64)
        corners[:, 1] += self.lean * (corners[:, 2] - self.low[2])
        return corners

    def paint(self, inside: np.ndarray, axes: Axes) -> None:
        """Sets `inside [X, Y, Z]` where the box is."""
        x, z = _span(axes[0], self.low[0], self.high[0]), _span(axes[2], self.low[2], self.high[2])
        y = axes[1][:, None] - self.lean * (axes[2][z] - self.low[2])
        inside[x, :, z] |= (y >= self.low[1]) & (y < self.high[1])


class Lathe(NamedTuple):
    """A part that is round about a vertical axis; its radius is linear between heights."""

    centre: tuple[float, float]
    heights: tuple[float, ...]
    radii: tuple[float, ...]

    def outline(self) -> np.ndarray:
        """`[n, 3]`, points on the rim at every given height."""
        rims = np.array(self.radii)[:, None, None] * CIRCLE + np.array(self.centre)
        heights = np.broadcast_to(np.array(self.heights)[:, None, None], (*rims.shape[:2], 1))
        return np.concatenate([rims, heights], axis=-1).reshape(-1, 3)

    def paint(self, inside: np.ndarray, axes: Axes) -> None:
        """Sets `inside [X, Y, Z]` where the part is."""
        reach = max(self.radii)
        x = _span(axes[0], self.centre[0] - reach, self.centre[0] + reach)
        y = _span(axes[1], self.centre[1] - reach, self.centre[1] + reach)
        z = _span(axes[2], self.heights[0], self.heights[-1])
        away = (axes[0][x] - self.centre[0])[:, None] ** 2 + (axes[1][y] - self.centre[1]) ** 2
        inside[x, y, z] |= away[..., None] <= np.interp(axes[2][z], self.heights, self.radii) ** 2


Part = Box | Lathe


def _span(axis: np.ndarray, low: float, high: float) -> slice:
    """The grid points of an increasing axis from `low` up to `high`."""
    return slice(*np.searchsorted(axis, (low, high)))
