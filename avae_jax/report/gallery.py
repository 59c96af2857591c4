"""The gallery: one column per held-out example, from the input to its reconstruction."""

from typing import Any

import numpy as np

from avae_jax.report import picture, volume
from avae_jax.report.findings import Gallery
from avae_jax.report.templates import uri
from avae_jax.report.text import label_name, plain, real

MOST = 12  # examples shown
ROWS = (
    ("observation", "input"),
    ("canonical_input", "canonical input"),
    ("canonical_reconstruction", "canonical reconstruction"),
    ("reconstruction", "reconstruction in the input's frame"),
)


def rows(gallery: Gallery, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Label, losses and pose of each example."""
    count = min(MOST, len(gallery.observation))
    return [
        {
            "label": None if gallery.labels is None else label_name(int(gallery.labels[i]), names),
            "loss_before": real(gallery.loss_before[i]),
            "loss_after": real(gallery.loss_after[i]),
            "moved_by": plain(gallery.pose_text[i]),
        }
        for i in range(count)
    ]


def pictures(gallery: Gallery) -> dict[str, list[str]]:
    """The pictures of each row of the table, as parts of the page."""
    count = min(MOST, len(gallery.observation))
    radius = _radius(gallery, count)
    return {
        field: [_picture(example, radius) for example in getattr(gallery, field)[:count]]
        for field, _ in ROWS
    }


def _radius(gallery: Gallery, count: int) -> float:
    """Half the width of the view of every volume, in voxels, the same scale for all."""
    if np.ndim(gallery.observation) != 5:
        return 0.0
    examples = [*gallery.observation[:count], *gallery.canonical_input[:count]]
    return max((volume.reach(example) for example in examples), default=0.0)


def _picture(example: np.ndarray, radius: float) -> str:
    return uri("image/png", picture.png(np.asarray(example), radius=radius))
