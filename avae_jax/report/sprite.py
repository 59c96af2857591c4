"""Many small pictures in one file: a page shows one of its cells at a time."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from avae_jax.report import picture, volume

SHADES = 32  # per channel: enough for a small picture, at half the bytes
COLOURS = 64  # of a rendered volume
SIDE, FINE = 64, 32  # of a rendered volume: pixels, resampled voxels
LEAST = 8  # pixels: no picture shrinks below


def sprite(rows: Sequence[np.ndarray], *, radius: float, budget: int) -> dict[str, Any]:
    """`rows`, each `[n, *S, C]`, as rows of cells of one PNG.

    Args:
        rows: values about [0, 1]; shorter rows leave cells empty.
        radius: half the width of the view of volumes, in voxels; images ignore it.
        budget: largest number of characters of `uri`; pictures are halved until they fit.

    Returns:
        `uri`, and the `width` and `height` of a cell in pixels.
    """
    drawn = [np.stack([_cell(example, radius) for example in row]) for row in rows]
    most = max(len(row) for row in drawn)
    filled = [np.pad(row, [(0, most - len(row))] + [(0, 0)] * (row.ndim - 1)) for row in drawn]
    cells = np.stack(filled)
    uri = _uri(cells)
    while len(uri) > budget and min(cells.shape[2:4]) >= 2 * LEAST:
        cells = _halved(cells)
        uri = _uri(cells)
    return {"uri": uri, "width": cells.shape[3], "height": cells.shape[2]}


def reach(examples: Sequence[np.ndarray]) -> float:
    """The radius that shows all volumes completely, at one scale; 0 for images."""
    if not len(examples) or np.ndim(examples[0]) == 3:
        return 0.0
    return max(volume.reach(example) for example in examples)


def _cell(example: np.ndarray, radius: float) -> np.ndarray:
    """One picture, `uint8 [H, W]`, `[H, W, 3]` or, for a volume, `[H, W, 4]`."""
    if np.ndim(example) == 4:
        return volume.render(example, radius=max(radius, 1.0), size=SIDE, fine=FINE)
    step = 255 / (SHADES - 1)
    return np.round(np.round(picture.levels(example) / step) * step).astype(np.uint8)


def _halved(cells: np.ndarray) -> np.ndarray:
    """Cells `[r, n, H, W, ...]` at half the size; an odd last line is dropped."""
    rows, count, height, width, *channels = cells.shape
    even = cells[:, :, : height // 2 * 2, : width // 2 * 2].astype(np.float32)
    blocks = even.reshape(rows, count, height // 2, 2, width // 2, 2, *channels)
    return np.round(blocks.mean(axis=(3, 5))).astype(np.uint8)


def _uri(cells: np.ndarray) -> str:
    from PIL import Image

    rows, count, height, width, *channels = cells.shape
    tiled = cells.swapaxes(1, 2).reshape(rows * height, count * width, *channels)
    image = Image.fromarray(tiled)
    if channels == [4]:
        image = image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
