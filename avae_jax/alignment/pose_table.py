"""`poses.csv`: the table of poses, one line for each example."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.transform.describe import quaternions, table
from avae_jax.transform.families import GENERATORS, Family
from avae_jax.transform.frame import Frame

NUMBERS = ("loss_before_nats", "loss_after_nats", "gap_nats")
UNCERTAIN = ("rotation_sd_deg", "shift_sd_px", "elsewhere")


def kinds_of(group: Family, *, reflect: bool, off_centre: bool) -> tuple[str, ...]:
    """The kinds of parameters that poses of a family can have.

    Args:
      off_centre: the centre of rotation is not the image centre, so that rotations also shift.
    """
    also = {"scale": reflect, "shift": off_centre}
    return tuple(kind for kind in GENERATORS if group.reaches(kind) or also.get(kind))


def columns(poses: np.ndarray, frame: Frame, kinds: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Columns `[n]` of poses `[n, d + 1, d + 1]` that carry examples to the canonical pose.

    Returns:
      The parameters of the object's pose, and the parameters of its inverse as `align_...`.
    """
    found: dict[str, np.ndarray] = {}
    for prefix, matrices in (("", np.linalg.inv(poses)), ("align_", poses)):
        each = table(matrices, frame, kinds)
        if frame.d == 3 and "rotation" in kinds:
            each |= quaternions(matrices)
        found |= {prefix + name: column for name, column in each.items()}
    return found


def write(path: Path, blocks: Iterable[dict[str, Any]]) -> None:
    """Writes blocks of columns, each of n examples, as one table with a header line."""
    # Names of files need not be text: other bytes are written as \\udcff.
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, block in enumerate(blocks):
            if not number:
                writer.writerow(block)
            writer.writerows(zip(*map(_texts, block.values()), strict=True))


def _texts(column: Any) -> Iterator[str]:
    """Numbers with seven digits, empty text for NaN and infinity, true and false."""
    for value in column:
        if isinstance(value, bool | np.bool_):
            yield "true" if value else "false"
        elif isinstance(value, float | np.floating):
            # Adding zero turns -0 into 0.
            yield f"{value + 0.0:.7g}" if np.isfinite(value) else ""
        else:
            yield str(value)
