"""What the page of a run shows, as plain values: `report/data.json`.

Numbers keep their units of nats, degrees and shares of 1; templates round them. Pictures are not
among them (see `report.page`).
"""

from typing import Any

import numpy as np

from avae_jax.report import (
    agreement,
    agreement_chart,
    error_chart,
    explorer,
    gallery,
    loss_chart,
    pose_curve,
    reliability_chart,
    settling,
    table,
    tiles,
)
from avae_jax.report.findings import Findings
from avae_jax.report.summary import turning_smooths
from avae_jax.report.text import decimal, strict

# Format version of data.json; raised when a key changes its meaning or is removed.
FORMAT = 1
# Parts of the page, in order: id, title in the navigation, whether it needs the script.
SECTIONS = (
    ("turning", "Try poses", True),
    ("gallery", "Examples", False),
    ("labels", "Pose errors", False),
    ("atlas", "Map", True),
    ("walks", "Between objects", True),
    ("settling", "Settling", False),
    ("training", "Training", True),
    ("losses", "Losses", False),
    ("numbers", "All numbers", False),
    ("words", "Words", False),
    ("config", "Config", False),
)


def content(findings: Findings) -> dict[str, Any]:
    """Values for JSON; numbers that are not finite or absent are `None`."""
    charts = _charts(findings)
    values = {
        "format": FORMAT,
        "title": findings.title,
        "dimensions": findings.gallery.observation.ndim - 2,
        "run": _run(findings),
        "verdict": agreement.verdict(findings),
        "tiles": tiles.tiles(findings.summary),
        "summary": findings.summary.to_dict(),
        "turning_smooths": turning_smooths(findings.summary.loss),
        "right_angles": pose_curve.right_angles(findings.curve),
        "numbers": table.groups(findings.summary),
        "gallery": gallery.rows(findings.gallery, findings.label_names),
        "agreement": agreement.labels(findings),
        "held_out": _held_out(findings.held_out),
        "settling_note": settling.note(findings.moments),
        "charts": charts,
        "explored": explorer.data(findings),
        "config": table.lines(findings.config),
    }
    return strict(values | {"sections": _sections(values)})


def _sections(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts that have something to show."""
    charts, explored = values["charts"], values["explored"]
    present = {
        "turning": explored,
        "labels": values["agreement"],
        "atlas": explored,
        "walks": explored and explored["walks"],
        "settling": "settling" in charts,
        "training": explored and explored["training"],
        "losses": charts.keys() & {"curve", "loss", "agreement"},
    }
    return [
        {"id": name, "title": title, "live": live}
        for name, title, live in SECTIONS
        if present.get(name, True)
    ]


def _run(findings: Findings) -> dict[str, Any] | None:
    run, seconds = findings.run, findings.summary.train.seconds
    if run is None:
        return None
    minutes = "" if seconds is None else f"trained in {decimal(seconds / 60)} minutes"
    facts = (run.date, f"avae_jax {run.version}", run.device, f"seed {run.seed}", minutes)
    return {**run._asdict(), "facts": [fact for fact in facts if fact]}


def _held_out(columns: dict[str, np.ndarray] | None) -> dict[str, Any] | None:
    return columns and {name: np.round(column, 3) for name, column in columns.items()}


def _charts(findings: Findings) -> dict[str, Any]:
    """Title and numbers of each chart that can be drawn, by name."""
    found = {
        "settling": settling.numbers(
            findings.moments,
            findings.label_names,
            dimensions=findings.gallery.observation.ndim - 2,
        ),
        "curve": pose_curve.numbers(findings.curve),
        "loss": loss_chart.numbers(findings.metrics, findings.moments),
        "agreement": agreement_chart.numbers(findings.moments),
        "errors": error_chart.numbers(findings.agreement),
        "reliability": reliability_chart.numbers(findings.reliability),
    }
    return {
        name: {"title": TITLES[name], "columns": columns}
        for name, columns in found.items()
        if columns is not None
    }


TITLES = {
    "settling": "Found poses per label at moments of training",
    "curve": "Loss against the pose of the input",
    "loss": "Loss against the step of training",
    "agreement": "Agreement of poses against the step of training",
    "errors": "Histogram of the angles from the common pose",
    "reliability": "Share of true poses in regions of a stated probability",
}
