"""The gallery: one column per held-out example, from the input to its reconstruction."""

import base64

import numpy as np

from avae_jax.report import picture, volume
from avae_jax.report.findings import Gallery
from avae_jax.report.text import decimal, escaped, label_name

MOST = 12  # examples shown
ROWS = (
    ("observation", "input"),
    ("canonical_input", "canonical input"),
    ("canonical_reconstruction", "canonical reconstruction"),
    ("reconstruction", "reconstruction in the input&#x27;s frame"),
)


def table(gallery: Gallery, names: tuple[str, ...]) -> str:
    """The gallery as an HTML table; pictures are embedded."""
    count = min(MOST, len(gallery.observation))
    radius = _radius(gallery, count)
    rows = [_heads(gallery, names, count)]
    rows += [_row(title, _pictures(gallery, field, title, count, radius)) for field, title in ROWS]
    poses = [escaped(text) for text in gallery.pose_text[:count]]
    before = [decimal(value) for value in gallery.loss_before[:count]]
    after = [decimal(value) for value in gallery.loss_after[:count]]
    rows.append(_row("moved by, to align", poses))
    rows.append(_row('loss without search <span class="unit">nats</span>', before, "before"))
    rows.append(_row('loss with search <span class="unit">nats</span>', after, "after"))
    return f'<table class="gallery">{"".join(rows)}</table>'


def cells(gallery: Gallery, field: str, title: str, count: int) -> str:
    """The first `count` pictures of one field as cells of a row."""
    found = _pictures(gallery, field, title, count, _radius(gallery, count))
    return "".join(f"<td>{cell}</td>" for cell in found)


def _pictures(gallery: Gallery, field: str, title: str, count: int, radius: float) -> list[str]:
    examples = getattr(gallery, field)[:count]
    return [_picture(example, f"{title} {i + 1}", radius) for i, example in enumerate(examples)]


def _radius(gallery: Gallery, count: int) -> float:
    """Half the width of the view of every volume, in voxels, the same scale for all."""
    if np.ndim(gallery.observation) != 5:
        return 0.0
    examples = [*gallery.observation[:count], *gallery.canonical_input[:count]]
    return max((volume.reach(example) for example in examples), default=0.0)


def _heads(gallery: Gallery, names: tuple[str, ...], count: int) -> str:
    if gallery.labels is None:
        return ""
    heads = [
        f'<th scope="col" title="{escaped(name)}">{escaped(name, 14)}</th>'
        for name in (label_name(int(label), names) for label in gallery.labels[:count])
    ]
    return f"<thead><tr><td></td>{''.join(heads)}</tr></thead>"


def _row(title: str, cells: list[str], kind: str = "") -> str:
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr class="{kind}"><th scope="row">{title}</th>{body}</tr>'


def _picture(example: np.ndarray, alt: str, radius: float) -> str:
    data = base64.b64encode(picture.png(np.asarray(example), radius=radius)).decode("ascii")
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'
