"""Interactive parts of the page: their HTML, data and script.

The page contains all data. Without JavaScript the interactive parts stay hidden.
"""

import functools
import importlib.resources
from typing import Any

import numpy as np

from avae_jax.report import cells, settling
from avae_jax.report.findings import Atlas, Exploration, Findings, Snapshot, Trial
from avae_jax.report.shell import embedded
from avae_jax.report.sprite import reach, sprite
from avae_jax.report.text import label_name, plain, real

FILES = ("dial.js", "map.js", "training.js", "explore.js")  # the last one starts all
ACROSS = 20  # pictures of a row of the atlas
# Characters of pictures: of all dials together, of the map, of training.
DIALS, MAP, TRAINING = 1_800_000, 500_000, 200_000
INPUTS = 8  # of a moment of training

VERBS = {"rotation": ("Turn", "turned"), "shift": ("Shift", "shifted")}
OTHER = ("Move", "moved")


def style() -> str:
    """The style sheet of the interactive parts."""
    return _text("explore.css")


def script() -> str:
    """The one script of the page."""
    return "\n".join(_text(name) for name in FILES)


@functools.cache  # the script that is written must be the one that may run
def _text(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def data(findings: Findings) -> str:
    """The data of the interactive parts as JSON, safe in a script element."""
    explored = findings.exploration
    assert explored is not None
    names, atlas = findings.label_names, explored.atlas
    volumes = [*atlas.observed, *atlas.canonical] if np.ndim(atlas.observed) == 5 else []
    radius = reach(volumes)
    values = {
        "kind": explored.kind,
        "done": VERBS.get(explored.kind, OTHER)[1],
        "unit": explored.unit,
        "relative": explored.relative,
        "whole": explored.whole,
        "sharp": not volumes,
        "labels": _labels(atlas, names),
        "examples": _examples(atlas),
        "atlas": _pictures(atlas, radius),
        "across": ACROSS,
        "trials": [_trial(trial, explored, radius) for trial in explored.trials],
        "training": _training(findings, radius),
    }
    return embedded(values)


def _labels(atlas: Atlas, names: tuple[str, ...]) -> dict[str, str]:
    if atlas.labels is None:
        return {}
    return {str(x): label_name(int(x), names, 40) for x in np.unique(atlas.labels)}


def _examples(atlas: Atlas) -> list[dict[str, Any]]:
    low, high = atlas.place.min(axis=0), atlas.place.max(axis=0)
    place = (atlas.place - low) / np.maximum(high - low, 1e-12)
    return [
        {
            "label": None if atlas.labels is None else str(int(atlas.labels[i])),
            "doubtful": bool(atlas.doubtful[i]),
            "gap": _short(atlas.gap[i]),
            "before": _short(atlas.loss_before[i]),
            "after": _short(atlas.loss_after[i]),
            "by": plain(atlas.moved_by[i], 80),
            "x": _short(place[i, 0], 4),
            "y": _short(place[i, 1], 4),
        }
        for i in range(len(atlas.observed))
    ]


def _pictures(atlas: Atlas, radius: float) -> dict[str, Any]:
    """All inputs row by row, then all objects."""
    starts = range(0, len(atlas.observed), ACROSS)
    kinds = (atlas.observed, atlas.canonical)
    rows = [pictures[start : start + ACROSS] for pictures in kinds for start in starts]
    found = sprite(rows, radius=radius, budget=MAP)
    return found | {"shares": [round(100 * share) for share in atlas.shares]}


def _trial(trial: Trial, explored: Exploration, radius: float) -> dict[str, Any]:
    rows = (trial.turned, trial.drawn, trial.reconstruction)
    budget = DIALS // len(explored.trials)
    return {
        "example": trial.example,
        "values": [_short(value) for value in trial.values],
        "losses": [_short(loss) for loss in trial.losses],
        "by": [plain(text, 80) for text in trial.moved_by],
        "pictures": sprite(rows, radius=radius, budget=budget),
    }


def _training(findings: Findings, radius: float) -> dict[str, Any] | None:
    """Shares of found poses by label in every snapshot, and a few inputs; None for one snapshot."""
    moments = [moment for moment in findings.moments if moment.canonical_input is not None]
    labels = settling.labels(moments)[: settling.LABELS]
    if len(moments) < 2:
        return None
    everything = labels == [0] and not findings.label_names
    names = ["all" if everything else label_name(x, findings.label_names, 14) for x in labels]
    plane = findings.gallery.observation.ndim == 4
    inputs = [np.asarray(moment.canonical_input)[:INPUTS] for moment in moments]
    return {
        "plane": plane,
        "names": names,
        "moments": [_moment(moment, labels, plane, findings) for moment in moments],
        "inputs": len(inputs[0]),
        "pictures": sprite(inputs, radius=radius, budget=TRAINING),
    }


def _moment(moment: Snapshot, labels: list[int], plane: bool, findings: Findings) -> dict[str, Any]:
    tally = cells.plane if plane else cells.space
    tallies = [tally(settling.angles(moment, label)) for label in labels]
    losses = [line.get("loss") for line in findings.metrics if line.get("step", 0) <= moment.step]
    return {
        "step": int(moment.step),
        "loss": _short(losses[-1] if losses else None),
        "resultant": _short(moment.resultant_length),
        "shares": [[_short(share, 3) for share in shares] for shares, _ in tallies],
        "agreement": [_short(agreement) for _, agreement in tallies],
    }


def _short(value: Any, digits: int = 2) -> float:
    return round(real(value), digits)
