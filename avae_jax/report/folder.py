"""The page of an alignment: average, examples before and after, poses, a table to sort."""

import base64
import importlib.resources
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from avae_jax.report import chart, picture, shell, volume
from avae_jax.report.opening import navigation
from avae_jax.report.text import escaped, plain

MOST = 20_000  # rows of the table
# Columns `[n]` of numbers are drawn as histograms if their names end so.
DRAWN = ("_deg", "_px")


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
    """A heading and the pairs below it."""

    title: str
    pairs: Sequence[Pair]


class Alignment(NamedTuple):
    """Everything that the page of an alignment shows.

    Attributes:
      title: of the page.
      verdict, facts: sentences.
      sections: examples before and after.
      table: columns `[n]` of texts, numbers or truth values, by name; `name` is one of them.
      count: examples, more than rows of the table where it holds a part.
      options: `name=value` lines, what the alignment used.
    """

    title: str
    verdict: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    table: dict[str, Any]
    count: int  # type: ignore[assignment]  # a tuple has a method of that name
    options: tuple[str, ...]


def html(found: Alignment) -> str:
    """The page, without references to other files."""
    script = importlib.resources.files(__package__).joinpath("table.js").read_text("utf-8")
    radius = _radius(found.sections)
    bodies = [
        *(_examples(f"part-{i}", one, radius) for i, one in enumerate(found.sections) if one.pairs),
        _histograms(found.table),
        _table(found),
        _options(found),
    ]
    links = [(name, title, name == "table") for name, title, body in bodies if body]
    body = f"""<header>
<h1>{escaped(found.title, 120)}</h1>
<p class="verdict">{escaped(found.verdict)}</p>
{"".join(f"<p>{escaped(fact)}</p>" for fact in found.facts)}
</header>
{navigation(links)}
<main>
{"".join(body for *_, body in bodies)}
</main>
<script type="module">{script}</script>"""
    return shell.html(found.title, body, script=script)


def _radius(sections: Sequence[Section]) -> float:
    """Half the width of the view of every volume, in voxels: one scale for all."""
    shown = [each for part in sections for pair in part.pairs for each in both(pair)]
    volumes = [example for example in shown if example.ndim == 4]
    return max(map(volume.reach, volumes), default=0.0)


def both(pair: Pair) -> list[np.ndarray]:
    """The pictures that a pair holds."""
    return [pair.before] if pair.after is None else [pair.before, pair.after]


def _examples(name: str, section: Section, radius: float) -> tuple[str, str, str]:
    cells = "".join(_pair(pair, radius) for pair in section.pairs)
    body = (
        f'<section id="{name}"><h2>{escaped(section.title)}</h2>'
        f'<div class="pairs">{cells}</div></section>'
    )
    return name, escaped(section.title.split(",")[0].split(":")[0], 30), body


def _pair(pair: Pair, radius: float) -> str:
    pictures = "".join(
        f'<img alt="{escaped(pair.name)} {when}" src="data:image/png;base64,{_png(image, radius)}">'
        for when, image in zip(("before", "after"), both(pair), strict=False)
    )
    lines = "".join(f"<span>{escaped(line)}</span>" for line in pair.lines)
    state = ' class="doubtful"' if pair.doubtful else ""
    return (
        f"<figure{state}><div>{pictures}</div><figcaption><b>{escaped(pair.name, 40)}</b>"
        f"{lines}</figcaption></figure>"
    )


def _png(example: np.ndarray, radius: float) -> str:
    # The last of four channels is transparency.
    shown = example[..., :3] if example.shape[-1] == 4 else example
    return base64.b64encode(picture.png(np.asarray(shown), radius=radius)).decode("ascii")


def _histograms(table: dict[str, Any]) -> tuple[str, str, str]:
    """A histogram for each parameter of the pose of the objects."""
    drawn = [
        _histogram(name, np.asarray(values, float))
        for name, values in table.items()
        if name.endswith(DRAWN) and not name.startswith("align_")
    ]
    charts = "".join(
        f'<img class="chart" alt="{alt}" src="data:image/svg+xml;base64,{data}">'
        for alt, data in drawn
    )
    text = "How the objects lie in the images as they came."
    body = (
        f'<section id="poses"><h2>Poses of the objects</h2><p>{text}</p>'
        f'<div class="pair">{charts}</div></section>'
    )
    return "poses", "Poses", body if drawn else ""


def _histogram(name: str, values: np.ndarray) -> tuple[str, str]:
    what, _, unit = name.rpartition("_")
    words = f"{what.replace('_', ' ')} ({'degrees' if unit == 'deg' else 'pixels'})"

    def paint(figure: Any) -> None:
        axes = figure.add_axes((0.125, 0.2, 0.845, 0.76))
        finite = values[np.isfinite(values)]
        span = (-180, 180) if unit == "deg" and (finite < 0).any() else None
        axes.hist(finite, bins=36, range=span, color=chart.WITH_SEARCH)
        axes.set_xlabel(words)
        axes.set_ylabel("examples")

    svg = chart.svg(paint, width=480, height=260)
    return f"Histogram of the {words}", base64.b64encode(svg).decode("ascii")


def _table(found: Alignment) -> tuple[str, str, str]:
    columns = {name: _column(name, values) for name, values in found.table.items()}
    digits = {name: _digits(name) for name, values in found.table.items() if _is_real(values)}
    rows = len(next(iter(columns.values()), ()))
    some = f" The table shows {rows:,} of {found.count:,} rows; poses.csv has all."
    text = f"Sort by a column with a click on its head.{some if rows < found.count else ''}"
    data = shell.embedded({"columns": columns, "digits": digits})
    body = f"""<section id="table" hidden><h2>All examples</h2><p>{text}</p>
<form class="filter"><label>Name <input type="search" class="named"></label>
<label><input type="checkbox" class="doubtful-only"> doubtful only</label>
<button type="button" class="save">Save these rows as CSV</button>
<output class="count" aria-live="polite"></output></form>
<div class="wide"><table class="labels rows"><thead><tr></tr></thead><tbody></tbody></table></div>
<p><button type="button" class="back">Previous</button>
<button type="button" class="next">Next</button> <output class="page"></output></p>
<script type="application/json" id="rows">{data}</script></section>"""
    return "table", "Table", body


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


def _options(found: Alignment) -> tuple[str, str, str]:
    lines = "\n".join(escaped(line) for line in found.options)
    body = f'<details id="config"><summary>Effective options</summary><pre>{lines}</pre></details>'
    return "config", "Options", body if lines else ""
