"""One example as a picture file: images unchanged, volumes as rendered views."""

import io

import numpy as np

from avae_jax.report import volume

SHARP = 160  # pixels: small images are enlarged to about this
MOST = 112  # pixels: large images shrink to this


def png(example: np.ndarray, *, radius: float) -> bytes:
    """`example [*S, C]` with values about [0, 1] as a PNG file.

    Three channels are red, green and blue; other numbers of channels are averaged. Values
    that are not finite count as 0.

    Args:
        radius: half the width of the view of a volume, in voxels; images ignore it.
    """
    from PIL import Image

    if example.ndim == 4:
        pixels = volume.render(example, radius=max(radius, 1.0))
    else:
        pixels = _to_size(levels(example))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def levels(image: np.ndarray) -> np.ndarray:
    """`uint8 [H, W]` or `[H, W, 3]` of `image [H, W, C]`; see `png`."""
    finite = np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    shown = finite if image.shape[-1] == 3 else finite.mean(axis=-1)
    return np.round(255 * np.clip(shown, 0, 1)).astype(np.uint8)


def shrunk(example: np.ndarray, side: int) -> np.ndarray:
    """`example [*S, C]` with every axis of space at most `side`, as means over blocks."""
    factor = -(-max(example.shape[:-1]) // side)
    for axis in range(example.ndim - 1) if factor > 1 else ():
        length = example.shape[axis]
        step = min(factor, length)
        whole = np.moveaxis(example, axis, -1)[..., : length // step * step]
        blocks = whole.reshape(*whole.shape[:-1], -1, step).mean(axis=-1)
        example = np.moveaxis(blocks, -1, axis)
    return example


def _to_size(pixels: np.ndarray) -> np.ndarray:
    """Small images are enlarged by an integer, so that pixels stay sharp; large ones shrink."""
    from PIL import Image

    longest = max(pixels.shape[:2])
    if longest > MOST:
        height, width = (max(1, round(side * MOST / longest)) for side in pixels.shape[:2])
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))
    times = SHARP // longest
    return pixels.repeat(times, axis=0).repeat(times, axis=1)
