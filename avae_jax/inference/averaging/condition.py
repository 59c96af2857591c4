"""What is done to images before they are compared: backgrounds, hot pixels, noise of their own."""

import dataclasses

import numpy as np
from scipy import ndimage

from avae_jax.core.errors import InputError

HOT = 8.0  # deviations from its neighbours' median that make a pixel a hot one
BATCH = 500
SAMPLE = 200  # images that show what values are usual
FEW = 0.02  # hot pixels are at most this share of all


@dataclasses.dataclass(frozen=True)
class Conditioned:
    """Images `[N, n, n, C]` with a background about 0 and noise about 1, and what was done.

    Attributes:
      centre: the centre of the images as they came, in pixels of the square.
      scale: what values were divided by.
      hot: share of pixels replaced.
      gradients: whether slopes of the background were taken off.
      dark: whether objects are darker than the background.
    """

    images: np.ndarray
    centre: tuple[float, float]
    scale: float
    hot: float
    gradients: bool
    dark: bool


def conditioned(images: np.ndarray) -> Conditioned:
    """Images `[N, H, W, C]` made comparable.

    Raises:
      InputError: says what was wanted.
    """
    if images.ndim != 4 or len(images) < 2 or min(images.shape[1:3]) < 8:
        raise InputError(f"images {list(images.shape)}, wanted [N, H, W, C] of 8 pixels or more")
    if not all(np.isfinite(image).all() for image in images):
        raise InputError("images hold values that are not finite, wanted finite ones")
    middle, spread = _mean_and_deviation(images)
    if spread == 0:
        raise InputError("images hold one value everywhere, wanted some that differ")
    # One copy of the stack, changed in place: nothing else of its size is held.
    made = images.astype(np.float32)
    made -= np.float32(middle)
    made /= np.float32(spread)
    hot = _cool(made)
    outside = _outside(made.shape[1:3])
    gradients = _flatten(made, outside)
    _even(made, outside)
    scale = float(np.sqrt(max(np.median(made[:, outside].var(1)), 1e-4)))
    made /= scale
    dark = bool(made.mean(0)[~outside].mean() < 0)
    square, centre = _squared(made)
    return Conditioned(square, centre, spread * scale, hot, gradients, dark)


def _outside(shape: tuple[int, int]) -> np.ndarray:
    """Pixels `[H, W]` beyond the largest circle, where only the background is."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    return np.hypot(y[:, None], x) > min(shape) / 2


def _mean_and_deviation(images: np.ndarray) -> tuple[float, float]:
    """Of all values, batch by batch: float64 needs as much again as the stack."""
    parts = [images[at : at + BATCH] for at in range(0, len(images), BATCH)]
    middle = sum(part.sum(dtype=np.float64) for part in parts) / images.size
    square = sum(np.square(part - middle).sum() for part in parts) / images.size
    return float(middle), float(np.sqrt(square))


def _cool(images: np.ndarray) -> float:
    """Gives hot pixels the median of their neighbours, and returns the share of these."""
    sample = images[:: max(1, len(images) // SAMPLE)]
    step = sample - ndimage.median_filter(sample, (1, 3, 3, 1))
    low, high = np.percentile(step, (16, 84))
    bottom, top = np.percentile(sample, (1, 99))
    limit = max(HOT * (high - low) / 2, top - bottom)
    found = []
    for index, image in enumerate(images):
        if image.max() < top + limit / 2 and image.min() > bottom - limit / 2:
            continue
        middle = ndimage.median_filter(image, (3, 3, 1))
        wrong = np.abs(image - middle) > limit
        found.append((index, wrong, middle[wrong]))
    share = sum(len(values) for _, _, values in found) / images.size
    if share > FEW:
        return 0.0
    for index, wrong, values in found:
        images[index][wrong] = values
    return share


def _flatten(images: np.ndarray, outside: np.ndarray) -> bool:
    """Takes off the plane through each background, its slopes as sure as the stack shows.

    The slopes of a background of nothing but noise would add noise of their own: they are shrunk
    by the share of their variance that noise explains.
    """
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in outside.shape), indexing="ij")
    basis = np.stack([np.ones_like(y), y, x], -1).astype(np.float32)
    inner = basis[outside]
    solve = np.linalg.pinv(inner)
    seen = images[:, outside]
    planes = np.einsum("kp,npc->nkc", solve, seen)
    left = seen - np.einsum("pk,nkc->npc", inner, planes)
    noise = left.var() * (solve[1:] ** 2).sum(1).mean()
    found = (planes[:, 1:] ** 2).mean()
    share = max(0.0, 1 - 2 * noise / max(found, 1e-12))
    planes[:, 1:] *= share
    for at in range(0, len(images), BATCH):
        images[at : at + BATCH] -= np.einsum("hwk,nkc->nhwc", basis, planes[at : at + BATCH])
    return share > 0.5


def _even(images: np.ndarray, outside: np.ndarray) -> None:
    """Divides images by noise of their own, as far as it differs by more than chance."""
    noise = images[:, outside].var((1, 2))
    if np.median(noise) < 1e-6:
        return
    logs = np.log(np.maximum(noise, 1e-3 * np.median(noise)))
    chance = 2 / (outside.sum() * images.shape[-1])
    share = max(0.0, 1 - 3 * chance / max(logs.var(), 1e-12))
    images *= np.exp(-0.5 * share * (logs - np.median(logs)))[:, None, None, None]


def _squared(images: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Images filled up to a square, and where their centre lies there."""
    h, w = images.shape[1:3]
    side = max(h, w)
    if h == w:
        return images, ((h - 1) / 2, (w - 1) / 2)
    top, left = (side - h) // 2, (side - w) // 2
    room = ((0, 0), (top, side - h - top), (left, side - w - left), (0, 0))
    return np.pad(images, room), (top + (h - 1) / 2, left + (w - 1) / 2)
