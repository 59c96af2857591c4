"""Style of all charts, and their SVG.

Each chart is drawn on a new `Figure`: no pyplot, no backend, no global state. Charts are dark
ink on white; the page inverts them for dark screens.
"""

import io
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, distinguishable by colour-blind readers.
WITH_SEARCH = "#0072B2"
WITHOUT_SEARCH = "#D55E00"
SECOND, THIRD = "#007F5C", "#A8487F"
INK, MUTED, GRID, PAPER = "#1f2328", "#59636e", "#dfe4e9", "#ffffff"

PIXELS_PER_INCH = 96
_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 10.4,  # at least 11 pixels where a chart shrinks to a phone of 390
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a label is a dollar
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "lines.linewidth": 2.2,
    "lines.solid_capstyle": "round",
    "figure.facecolor": PAPER,
    "svg.fonttype": "none",  # text stays text: small files, the reader's own fonts
    "svg.hashsalt": "avae_jax",  # the same findings give the same bytes
}


def svg(paint: Callable[["Figure"], None], *, width: int, height: int) -> bytes:
    """The SVG of the drawing of `paint` on an empty figure of `width x height` CSS pixels."""
    import matplotlib
    from matplotlib.figure import Figure

    file = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    settings: Any = _SETTINGS
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # Fonts here only measure text; the reader's fonts draw it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure = Figure(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH))
        paint(figure)
        figure.savefig(file, format="svg", metadata=nothing)
    return file.getvalue()


def name_ends(axes: "Axes", ends: Iterable[tuple[float, str, str]]) -> None:
    """Writes `(y, text, colour)` to the right of `axes`, moved apart if they would overlap."""
    low, high = axes.get_ylim()
    least = 0.115 * (high - low)
    floor = low
    for y, text, colour in sorted(ends):
        floor = max(min(max(y, low), high), floor)
        axes.annotate(
            text,
            (1.0, floor),
            xycoords=("axes fraction", "data"),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            annotation_clip=False,
        )
        floor += least * (1 + text.count("\n"))
