"""Metrics as a table: one line a step in metrics.csv, one column a metric."""

import csv
import io
from collections.abc import Mapping

import numpy as np

from avae_jax.core.atomic_files import whole
from avae_jax.training.writers.base import Run

NAME = "metrics.csv"


class CsvFile:
    """Goes on with the table of the work directory, up to the step of the run; has no pictures."""

    def __init__(self, run: Run):
        self._path = run.folder / NAME
        known = _rows(self._path.read_text()) if run.step and self._path.exists() else []
        rows = [row for row in known if int(row["step"]) <= run.step]
        self._columns = list(rows[0]) if rows else []
        self._rewrite(rows)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes the line of one step; a new metric is a new column."""
        row = {"step": step, **values}
        if set(row) - set(self._columns):
            rows = _rows(self._path.read_text())
            self._columns += [name for name in row if name not in self._columns]
            self._rewrite(rows)
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """A table has no pictures."""

    def close(self) -> None:
        """Every line is in the file already."""

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, self._columns)
        if self._columns:
            table.writeheader()
        table.writerows(rows)
        with whole(self._path) as file:
            file.write(text.getvalue().encode())


def _rows(text: str) -> list[dict[str, str]]:
    """The complete lines of a table; a crash may have cut the last one off."""
    read = csv.DictReader(io.StringIO(text))
    return [row for row in read if None not in row.values() and row.get("step", "").isdecimal()]
