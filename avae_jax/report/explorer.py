"""Interactive parts of the page: their numbers, texts and pictures.

The page contains all of them. Without JavaScript the interactive parts stay hidden.
"""

from typing import Any

import numpy as np

from avae_jax.report import cells, settling
from avae_jax.report.findings import Agreement, Atlas, Findings, Snapshot, Trial, Walks
from avae_jax.report.solids import solids
from avae_jax.report.sprite import reach, sprite
from avae_jax.report.text import label_name, plain, real

ACROSS = 20  # pictures of a row of the atlas
# Characters of pictures: of all dials together, of the map, of training.
DIALS, MAP, TRAINING, WALKS = 1_800_000, 500_000, 200_000, 300_000
INPUTS = 8  # of a moment of training

VERBS = {"rotation": ("Turn", "turned"), "shift": ("Shift", "shifted")}
OTHER = ("Move", "moved")
# What the map calls its pictures and its examples.
WORDS = {
    "input": "input",
    "object": "decoded object",
    "inputs": "inputs",
    "objects": "decoded objects",
    "many": "objects",
    "place": "test example",
    "by": "carried to the canonical pose by",
    "near": "Nearest by latent code",
}


def data(findings: Findings) -> dict[str, Any] | None:
    """Numbers and texts of the interactive parts; None without an exploration."""
    explored = findings.exploration
    if explored is None:
        return None
    names, atlas = findings.label_names, explored.atlas
    verb, done = VERBS.get(explored.kind, OTHER)
    return {
        "kind": explored.kind,
        "verb": verb,
        "done": done,
        "unit": explored.unit,
        "relative": explored.relative,
        "whole": explored.whole,
        "doubtful": explored.doubtful,
        **mapped(atlas, names, findings.agreement),
        "words": WORDS,
        "trials": [_trial(trial) for trial in explored.trials],
        "walks": _walks(explored.walks),
        "training": _training(findings),
    }


def pictures(findings: Findings) -> dict[str, Any] | None:
    """Pictures of the interactive parts: cells of files, and where they lie."""
    explored = findings.exploration
    if explored is None:
        return None
    atlas = explored.atlas
    shown, radius = mapped_pictures(atlas)
    budget = DIALS // max(len(explored.trials), 1)
    dials = [(trial.turned, trial.drawn, trial.reconstruction) for trial in explored.trials]
    moments = _pictured(findings)
    inputs = [np.asarray(moment.canonical_input)[:INPUTS] for moment in moments]
    return {
        **shown,
        "trials": [sprite(rows, radius=radius, budget=budget) for rows in dials],
        "walks": _walked(explored.walks, radius),
        "training": sprite(inputs, radius=radius, budget=TRAINING) if len(moments) > 1 else None,
    }


def mapped(atlas: Atlas, names: tuple[str, ...], agreed: Agreement | None) -> dict[str, Any]:
    """Numbers and texts of the map."""
    return {
        "labels": _labels(atlas, names),
        "shares": [round(100 * share) for share in atlas.shares],
        "examples": _examples(atlas, agreed),
    }


def mapped_pictures(atlas: Atlas) -> tuple[dict[str, Any], float]:
    """Pictures of the map, and half the width of the view of its volumes, in voxels."""
    volumes = [*atlas.observed, *atlas.canonical] if np.ndim(atlas.observed) == 5 else []
    radius = reach(volumes)
    return {
        "sharp": not volumes,
        "across": ACROSS,
        "atlas": _atlas(atlas, radius),
        "solids": solids(volumes, radius) if volumes else None,
    }, radius


def _labels(atlas: Atlas, names: tuple[str, ...]) -> dict[str, str]:
    if atlas.labels is None:
        return {}
    return {str(x): label_name(int(x), names, 40) for x in np.unique(atlas.labels)}


def _examples(atlas: Atlas, agreed: Agreement | None) -> list[dict[str, Any]]:
    low, high = atlas.place.min(axis=0), atlas.place.max(axis=0)
    place = (atlas.place - low) / np.maximum(high - low, 1e-12)
    return [
        {
            "index": i if atlas.places is None else int(atlas.places[i]),
            "name": plain(atlas.names[i], 80) if atlas.names else None,
            "label": None if atlas.labels is None else str(int(atlas.labels[i])),
            "doubtful": bool(atlas.doubtful[i]),
            "gap": _short(atlas.gap[i]),
            "before": _short(atlas.loss_before[i]),
            "after": _short(atlas.loss_after[i]),
            "by": plain(atlas.moved_by[i], 80),
            "error": None if agreed is None else _short(agreed.degrees[i]),
            "near": [int(other) for other in atlas.neighbours[i]],
            "x": _short(place[i, 0], 4),
            "y": _short(place[i, 1], 4),
        }
        for i in range(len(atlas.observed))
    ]


def _walked(walks: Walks | None, radius: float) -> dict[str, Any] | None:
    """The axes row by row, then the pairs."""
    rows = [] if walks is None else [*walks.axes, *walks.between]
    return sprite(rows, radius=radius, budget=WALKS) if rows else None


def _atlas(atlas: Atlas, radius: float) -> dict[str, Any]:
    """All inputs row by row, then all objects."""
    starts = range(0, len(atlas.observed), ACROSS)
    kinds = (atlas.observed, atlas.canonical)
    rows = [pictures[start : start + ACROSS] for pictures in kinds for start in starts]
    return sprite(rows, radius=radius, budget=MAP)


def _walks(walks: Walks | None) -> dict[str, Any] | None:
    if walks is None:
        return None
    return {
        "stops": [_short(stop) for stop in walks.stops],
        "shares": [_short(share, 3) for share in walks.shares],
        "pairs": walks.pairs.tolist(),
        "ends": np.unique(walks.pairs).tolist(),
        "between": walks.between.shape[1],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "example": trial.example,
        "values": [_short(value) for value in trial.values],
        "losses": [_short(loss) for loss in trial.losses],
        "by": [plain(text, 80) for text in trial.moved_by],
    }


def _pictured(findings: Findings) -> list[Snapshot]:
    return [moment for moment in findings.moments if moment.canonical_input is not None]


def _training(findings: Findings) -> dict[str, Any] | None:
    """Shares of found poses by label in every snapshot; None for one snapshot."""
    moments = _pictured(findings)
    labels = settling.labels(moments)[: settling.LABELS]
    if len(moments) < 2:
        return None
    everything = labels == [0] and not findings.label_names
    names = ["all" if everything else label_name(x, findings.label_names, 14) for x in labels]
    plane = findings.gallery.observation.ndim == 4
    return {
        "plane": plane,
        "names": names,
        "moments": [_moment(moment, labels, plane, findings) for moment in moments],
        "inputs": min(INPUTS, *(len(np.asarray(one.canonical_input)) for one in moments)),
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
