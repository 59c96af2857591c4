"""The page of an alignment: average, examples before and after, poses, a table to sort."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from avae_jax.report import chart, explorer, picture, templates, terms, volume
from avae_jax.report.findings import Atlas
from avae_jax.report.text import plain, strict

# Format version of data.json; raised when a key changes its meaning or is removed.
FORMAT = 1
MOST = 20_000  # rows of the table
# Columns `[n]` of numbers are drawn as histograms if their names end so.
DRAWN = ("_deg", "_px")
SCRIPTS = (
    "page.js",
    "examples.js",
    "selection.js",
    "solid.js",
    "map.js",
    "table.js",
    "folder.js",
)
STYLES = ("page.css", "explore.css")
WORDS = {
    "input": "example as it came",
    "object": "aligned example",
    "inputs": "examples as they came",
    "objects": "aligned examples",
    "many": "examples",
    "place": "place in the stack:",
    "by": "pose of the object:",
    "near": "Nearest on the map",
    "codes": "latent codes",
}


class Pair(NamedTuple):
    """One example before and after, `[*S, C]` with values in [0, 1], and its caption.

    Without `after` it is a single picture.
    """

    before: np.ndarray
    after: np.ndarray | None
    name: str
    lines: tuple[str, ...]
    doubtful: bool = False


class Section(NamedTuple):
    """A heading, the pairs below it and a sentence between."""

    title: str
    pairs: Sequence[Pair]
    note: str = ""


class Alignment(NamedTuple):
    """Everything that the page of an alignment shows.

    Attributes:
      title: of the page.
      verdict, facts: sentences.
      sections: examples before and after.
      table: columns `[n]` of texts, numbers or truth values, by name; `name` is one of them.
      count: examples, more than rows of the table where it holds a part.
      options: `name=value` lines, what the alignment used.
      atlas: a sample of the examples, before (`observed`) and after (`canonical`), or None.
      words: what the map calls them, as `WORDS`.
    """

    title: str
    verdict: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    table: dict[str, Any]
    count: int  # type: ignore[assignment]  # a tuple has a method of that name
    options: tuple[str, ...]
    atlas: Atlas | None = None
    words: dict[str, str] = WORDS


def files(found: Alignment) -> dict[str, str]:
    """The page and, as `data.json`, what it shows except for pictures; by name."""
    values = content(found)
    data = json.dumps(values, allow_nan=False) + "\n"
    return {"index.html": _html(found, values), "data.json": data}


def html(found: Alignment) -> str:
    """The page, without references to other files."""
    return _html(found, content(found))


def content(found: Alignment) -> dict[str, Any]:
    """Values for JSON: numbers rounded as the table shows them, `None` where there is none."""
    shown = [part for part in found.sections if part.pairs]
    charts = _histograms(found.table)
    values = {
        "format": FORMAT,
        "title": found.title,
        "verdict": found.verdict,
        "facts": found.facts,
        "parts": [_part(f"part-{i}", one) for i, one in enumerate(shown)],
        "charts": charts,
        "columns": {name: _column(name, values) for name, values in found.table.items()},
        "digits": {name: _digits(name) for name, c in found.table.items() if _is_real(c)},
        "total": found.count,
        "options": found.options,
        "explored": _explored(found),
    }
    return strict(values | {"sections": _sections(values)})


def _html(found: Alignment, values: dict[str, Any]) -> str:
    radius = _radius(found.sections)
    shown = [part for part in found.sections if part.pairs]
    parts = [
        {
            **one,
            "pairs": [
                _pictured(*pair, radius) for pair in zip(one["pairs"], part.pairs, strict=True)
            ],
        }
        for one, part in zip(values["parts"], shown, strict=True)
    ]
    seen = values | {
        "parts": parts,
        "pictures": {
            name: _drawn(one["columns"], one["words"]) for name, one in values["charts"].items()
        },
        "rows": len(next(iter(values["columns"].values()), ())),
        "folder": True,
        "words": terms.OF_FOLDERS,
    }
    data = {name: values[name] for name in ("charts", "columns", "digits", "explored")}
    data["pictures"] = None if found.atlas is None else explorer.mapped_pictures(found.atlas)[0]
    return templates.render("folder.html", seen, scripts=SCRIPTS, styles=STYLES, data=data)


def _explored(found: Alignment) -> dict[str, Any] | None:
    """Numbers and texts of the map."""
    atlas = found.atlas
    if atlas is None:
        return None
    volumes = np.ndim(atlas.observed) == 5
    return {**explorer.mapped(atlas, (), None), "words": found.words, "volumes": volumes}


def _sections(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Links of the navigation."""
    parts = values["parts"]
    links = [(one["id"], one["title"].split(",")[0].split(":")[0]) for one in parts]
    links += [("atlas", "Map")] * (values["explored"] is not None)
    links += [("poses", "Poses")] * bool(values["charts"]) + [("table", "Table")]
    links += [("words", "Words")] + [("config", "Options")] * bool(values["options"])
    return [
        {"id": name, "title": title, "live": name in ("atlas", "table")} for name, title in links
    ]


def _radius(sections: Sequence[Section]) -> float:
    """Half the width of the view of every volume, in voxels: one scale for all."""
    shown = [each for part in sections for pair in part.pairs for each in both(pair)]
    volumes = [example for example in shown if example.ndim == 4]
    return max(map(volume.reach, volumes), default=0.0)


def both(pair: Pair) -> list[np.ndarray]:
    """The pictures that a pair holds."""
    return [pair.before] if pair.after is None else [pair.before, pair.after]


def _part(name: str, section: Section) -> dict[str, Any]:
    """The texts of the pairs below a heading."""
    pairs = [
        {"name": pair.name, "lines": pair.lines, "doubtful": pair.doubtful}
        for pair in section.pairs
    ]
    return {"id": name, "title": section.title, "note": section.note, "pairs": pairs}


def _pictured(texts: dict[str, Any], pair: Pair, radius: float) -> dict[str, Any]:
    return {**texts, "uris": [_png(image, radius) for image in both(pair)]}


def _png(example: np.ndarray, radius: float) -> str:
    # The last of four channels is transparency.
    shown = example[..., :3] if example.shape[-1] == 4 else example
    return templates.uri("image/png", picture.png(np.asarray(shown), radius=radius))


def _histograms(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Title, numbers and words of the histogram of each parameter of the poses."""
    return {
        name: _histogram(name, np.asarray(values, float))
        for name, values in table.items()
        if name.endswith(DRAWN) and not name.startswith("align_")
    }


def _histogram(name: str, values: np.ndarray) -> dict[str, Any]:
    what, _, unit = name.rpartition("_")
    words = f"{what.replace('_', ' ')} ({'degrees' if unit == 'deg' else 'pixels'})"
    finite = values[np.isfinite(values)]
    span = (-180, 180) if unit == "deg" and (finite < 0).any() else None
    counts, edges = np.histogram(finite, bins=36, range=span)
    columns = {"from": edges[:-1], "to": edges[1:], "examples": counts}
    return {"title": f"Histogram of the {words}", "words": words, "columns": columns}


def _drawn(columns: dict[str, Any], words: str) -> str:
    """The picture of a histogram."""

    def paint(figure: Any) -> None:
        axes = figure.add_axes((0.125, 0.2, 0.845, 0.76))
        edges = [*columns["from"], columns["to"][-1]]
        axes.stairs(columns["examples"], edges, fill=True, color=chart.WITH_SEARCH)
        axes.set_xlabel(words)
        axes.set_ylabel("examples")

    return templates.uri("image/svg+xml", chart.svg(paint, width=480, height=260))


def _column(name: str, values: Any) -> list[Any]:
    """Values as JSON holds them: texts on one line, numbers to the digits that are shown."""
    array = np.asarray(values)
    if _is_real(values):
        return np.round(array.astype(float), _digits(name)).tolist()
    return [plain(value, 200) for value in values] if array.dtype.kind in "UO" else array.tolist()


def _is_real(values: Any) -> bool:
    return np.asarray(values).dtype.kind == "f"


def _digits(name: str) -> int:
    """Digits behind the point of a column."""
    return 1 if name.endswith(("_deg", "_nats")) else 2
