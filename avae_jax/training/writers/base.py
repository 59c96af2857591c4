"""What a writer of metrics is, and what it is told at its beginning."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np


class Run(NamedTuple):
    """A training that is about to begin or to go on.

    Attributes:
      folder: the work directory; its name is that of the run.
      config: every option, as nested dicts.
      step: updates done, 0 of a new one; records of later ones are of a run that was cut off.
    """

    folder: Path
    config: dict[str, Any]
    step: int


class Writer(Protocol):
    """Takes the metrics and pictures of one run in the order of their steps."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name."""

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Writes one picture, `uint8 [H, W, 3]`."""

    def close(self) -> None:
        """Ends the run; what was written is safe."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A kind of writer.

    Attributes:
      open: makes the writer of a run.
      package: that it imports, and the extra of this package that brings it; for none, empty.
    """

    open: Callable[[Run], Writer]
    package: str = ""
    extra: str = ""
