"""What a round looks at: which frequencies, angles and shifts."""

import dataclasses
import functools

import numpy as np

from avae_jax.inference.averaging.disc import Disc


@dataclasses.dataclass(frozen=True)
class Level:
    """The sampling of poses in one round; programs are compiled once for each.

    Attributes:
      disc: the frequencies compared.
      turns: angles, evenly around the circle.
      step: pixels between shifts.
      steps: how many of them, at most, from none.
    """

    disc: Disc
    turns: int
    step: float
    steps: float

    @functools.cached_property
    def shifts(self) -> np.ndarray:
        """Pixels `[S, 2]`: a square grid within a circle."""
        reach = np.arange(-int(self.steps), int(self.steps) + 1)
        grid = np.stack(np.meshgrid(reach, reach, indexing="ij"), -1).reshape(-1, 2)
        inside = (grid**2).sum(1) <= self.steps**2 + 1e-6
        return (grid[inside] * self.step).astype(np.float32)

    @functools.cached_property
    def angles(self) -> np.ndarray:
        """Radians `[A]`."""
        return np.arange(self.turns, dtype=np.float32) * np.float32(2 * np.pi / self.turns)
