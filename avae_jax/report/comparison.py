"""A page that compares runs: what was set differently, numbers with intervals, curves."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avae_jax.core.atomic_files import fresh, require_new
from avae_jax.core.errors import InputError
from avae_jax.report import comparison_charts, templates
from avae_jax.report.intervals import Interval, difference, interval
from avae_jax.report.saved import SavedRun, saved_runs
from avae_jax.report.settled import NEAR
from avae_jax.report.text import strict

PAGE = "comparison.html"  # unless --output names another
SCRIPTS = ("page.js", "ready.js")


class Measure(NamedTuple):
    """A number over the held-out examples.

    Attributes:
      column: of `held_out`.
      of: the number, of the column `[n]`.
    """

    name: str
    unit: str
    digits: int
    column: str
    of: Callable[[np.ndarray], float]


MEASURES = (
    Measure("loss with search", "nats", 2, "loss_posed_search_nats", np.mean),
    Measure("loss without search", "nats", 2, "loss_posed_nats", np.mean),
    Measure(
        "within 20 degrees of the common pose",
        "%",
        1,
        "error_deg",
        lambda degrees: 100 * float((degrees < NEAR).mean()),
    ),
    Measure("median pose error", "degrees", 1, "error_deg", np.median),
    Measure("resultant length", "", 3, "resultant", np.mean),
)
# Options on which the height of a loss depends, whatever the model has learned.
DECIDE_LOSS = ("data.source", "data.size", "data.scale", "data.fill", "model.likelihood")
# Numbers of the summary without an interval: name, unit, digits, group, key, factor.
PLAIN = (
    ("marginal bound", "nats", 2, "loss", "marginal", 1.0),
    ("labels that have settled", "", 0, "settling", "settled", 1.0),
    ("cost of the search", "forward passes", 0, "search", "forward_equivalents", 1.0),
    ("time of the search", "ms per example", 2, "search", "seconds_per_example", 1000.0),
    ("training", "minutes", 1, "train", "seconds", 1 / 60),
)


def write(folders: Sequence[str], path: Path) -> None:
    """Compares the runs in work directories and writes one page to `path`.

    Raises:
      InputError: a run has no report that can be compared, or `path` exists or cannot be written.
    """
    require_new(path)
    page = html(saved_runs(folders))
    if not path.parent.is_dir():
        raise InputError(f"{path}: {path.parent} is no folder, wanted one that exists")
    with fresh(path) as file:
        file.write(page.encode())
    print(f"comparison: {path}")


def html(runs: Sequence[SavedRun]) -> str:
    """The page, without references to other files."""
    charts = comparison_charts.charts(runs)
    numbers = {name: {"title": one.title, "columns": one.columns} for name, one in charts.items()}
    same, differences = _same_examples(runs), config_differences(runs)
    values = {
        "title": "Runs compared",
        "runs": [_head(run) for run in runs],
        "config": differences,
        "measures": [row for measure in MEASURES for row in [_measure(measure, runs, same)] if row],
        "plain": [row for one in PLAIN for row in [_plain(one, runs)] if row],
        "paired": same,
        "unlike": [row["field"] for row in differences if row["field"] in DECIDE_LOSS],
        "charts": numbers,
        "pictures": {name: one.uri for name, one in charts.items()},
        "sections": [
            {"id": name, "title": title, "live": False}
            for name, title in (
                ("numbers", "Numbers"),
                ("curves", "Curves"),
                ("configs", "Configs"),
            )
        ],
    }
    return templates.render(
        "compare.html", strict(values), scripts=SCRIPTS, data={"charts": numbers}
    )


def config_differences(runs: Sequence[SavedRun]) -> list[dict[str, Any]]:
    """Fields that differ, with the value of each run; None where a run does not have the field."""
    configs = [run.config for run in runs]
    names = list(dict.fromkeys(name for config in configs for name in config))
    rows = [{"field": name, "values": [config.get(name) for config in configs]} for name in names]
    return [row for row in rows if len(set(row["values"])) > 1]


def _same_examples(runs: Sequence[SavedRun]) -> bool:
    """Whether all runs were measured on the same examples in the same poses."""
    known = ("data.source", "data.size", "data.scale", "seed", "family", "data.pose")
    facts = [
        (*(run.config.get(name) for name in known), str((run.data["held_out"] or {}).get("label")))
        for run in runs
    ]
    ranges = [[p for p in run.config.items() if p[0].startswith("ranges.")] for run in runs]
    return len(set(facts)) == 1 and all(one == ranges[0] for one in ranges)


def _head(run: SavedRun) -> dict[str, Any]:
    facts = (run.data["run"] or {}).get("facts", [])
    return {"name": run.name, "facts": facts, "verdict": run.data["verdict"]}


def _measure(measure: Measure, runs: Sequence[SavedRun], paired: bool) -> dict[str, Any] | None:
    """A number of each run, and how far it is from that of the first run."""
    columns = [run.held_out(measure.column) for run in runs]
    if not any(column is not None and len(column) for column in columns):
        return None
    first = columns[0]
    cells = []
    for place, column in enumerate(columns):
        own = None if column is None else interval(column, measure.of)
        off = None
        if place and first is not None and column is not None:
            off = difference(first, column, measure.of, paired=paired)
        cells.append({"own": own and own._asdict(), "off": off and _off(off)})
    return {"name": measure.name, "unit": measure.unit, "digits": measure.digits, "cells": cells}


def _off(found: Interval) -> dict[str, Any]:
    return {**found._asdict(), "clear": not found.low <= 0 <= found.high}


def _plain(which: tuple, runs: Sequence[SavedRun]) -> dict[str, Any] | None:
    name, unit, digits, group, key, factor = which
    found = [run.data["summary"].get(group, {}).get(key) for run in runs]
    values = [None if value is None else factor * value for value in found]
    if not any(value is not None for value in values):
        return None
    return {"name": name, "unit": unit, "digits": digits, "values": values}
