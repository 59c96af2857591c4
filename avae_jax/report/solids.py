"""Volumes as a file that the page's script turns in any direction."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from avae_jax.report import picture, volume
from avae_jax.report.templates import uri

SHADES = 16
SIDE = 32  # voxels along the longest side


def solids(volumes: Sequence[np.ndarray], radius: float) -> dict[str, Any]:
    """`volumes`, each `[*S, C]`, as rows of a PNG, slices of a volume side by side.

    Args:
        radius: half the width of the view in voxels.

    Returns:
        `uri`; `shape` of a volume; `radius`; `view`, rows down, right and away of the picture.
    """
    from PIL import Image

    step = -(-max(volumes[0].shape[:3]) // SIDE)
    levels = [picture.levels(np.asarray(each)[::step, ::step, ::step]) for each in volumes]
    grey = [each.mean(axis=-1) if each.ndim == 4 else each for each in levels]
    shape = grey[0].shape
    rows = [each.swapaxes(0, 1).reshape(shape[1], shape[0] * shape[2]) for each in grey]
    table = np.round(np.concatenate(rows) * ((SHADES - 1) / 255)) * (255 / (SHADES - 1))
    file = io.BytesIO()
    Image.fromarray(table.astype(np.uint8)).save(file, "PNG", optimize=True)
    return {
        "uri": uri("image/png", file.getvalue()),
        "shape": shape,
        "radius": radius / step,
        "view": volume.view_axes(),
    }
