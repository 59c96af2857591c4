"""The report of a run as one self-contained HTML page."""

from collections.abc import Callable
from typing import Any

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
    templates,
    terms,
)
from avae_jax.report.findings import Findings

STRIP = 8  # examples of the first screen
STRIP_ROWS = (
    ("observation", "as it came"),
    ("canonical_input", "aligned"),
    ("canonical_reconstruction", "drawn by the model"),
)
# Files of scripts; the last one starts all.
SCRIPTS = (
    "page.js",
    "examples.js",
    "dial.js",
    "selection.js",
    "solid.js",
    "map.js",
    "walks.js",
    "training.js",
    "explore.js",
)
STYLES = ("page.css", "explore.css")
CONSTANTS = {
    "folder": False,
    "words": tuple(terms.TERMS),
    "STRIP": STRIP,
    "STRIP_ROWS": STRIP_ROWS,
    "GALLERY_ROWS": gallery.ROWS,
    "MOST_LABELS": agreement.MOST,
    "STATE_CLASSES": agreement.CLASSES,
}


def html(findings: Findings, content: dict[str, Any]) -> str:
    """The page, without references to other files.

    Args:
      content: of `findings` (see `report.content`).
    """
    pictures = {
        "gallery": gallery.pictures(findings.gallery),
        "charts": _charts(findings, content["charts"]),
    }
    explored = explorer.pictures(findings)
    data = {
        "name": content["title"],
        "charts": content["charts"],
        "explored": content["explored"],
        "pictures": explored,
    }
    return templates.render(
        "run.html",
        content | CONSTANTS | {"pictures": pictures},
        scripts=SCRIPTS,
        styles=STYLES,
        data=data,
    )


def _charts(findings: Findings, wanted: dict[str, Any]) -> dict[str, str]:
    """The charts as pictures, by name."""
    dimensions = findings.gallery.observation.ndim - 2
    curve: Any = findings.curve
    agreed: Any = findings.agreement
    reliable: Any = findings.reliability
    draw: dict[str, Callable[[], Any]] = {
        "settling": lambda: settling.draw(
            findings.moments, findings.label_names, dimensions=dimensions
        ),
        "curve": lambda: pose_curve.draw(curve),
        "loss": lambda: loss_chart.draw(findings.metrics, findings.moments),
        "agreement": lambda: agreement_chart.draw(findings.moments),
        "errors": lambda: error_chart.draw(agreed),
        "reliability": lambda: reliability_chart.draw(reliable),
    }
    return {name: templates.uri("image/svg+xml", draw[name]()) for name in wanted}
