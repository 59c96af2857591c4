"""The gallery: one column per held-out example, from the input to its reconstruction."""

import base64

import numpy as np

from avae_jax.report import picture, volume
from avae_jax.report.findings import Gallery
from avae_jax.report.text import escaped, label_name, number

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
    for field, title in ROWS:
        cells = [
            _picture(example, f"{title} {i + 1}", radius)
            for i, example in enumerate(getattr(gallery, field)[:count])
        ]
        rows.append(_row(title, cells))
    poses = [escaped(text) for text in gallery.pose_text[:count]]
    before = [number(value) for value in gallery.loss_before[:count]]
    after = [number(value) for value in gallery.loss_after[:count]]
    rows.append(_row("found pose", poses))
    rows.append(_row('loss without search <span class="unit">nats</span>', before, "before"))
    rows.append(_row('loss with search <span class="unit">nats</span>', after, "after"))
    return f'<table class="gallery">{"".join(rows)}</table>'


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
