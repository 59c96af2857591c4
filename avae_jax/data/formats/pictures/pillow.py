"""Images read by Pillow, in the modes that keep every number."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from avae_jax.core.errors import InputError
from avae_jax.data.formats.pictures.picture import CMYK, GREY, RGB
from avae_jax.data.formats.reading import EXPANDS

# Most pixels for each byte of a file: a black and white image at the highest compression.
MOST_PIXELS = 8 * EXPANDS
# Pillow's modes whose pixels are plain numbers; other modes are converted to colours. Some
# versions of Pillow use "I" for 16 bits.
MODES: dict[str, tuple[int, str, str]] = {
    "1": (1, "?", GREY),
    "L": (1, "u1", GREY),
    "LA": (2, "u1", GREY),
    "I;16": (1, "u2", GREY),
    "I": (1, "u2", GREY),
    "RGB": (3, "u1", RGB),
    "RGBA": (4, "u1", RGB),
    "CMYK": (4, "u1", CMYK),
}
# Cameras store a preview as a second picture of a JPEG file.
PREVIEW = "MPO"


@contextlib.contextmanager
def opened(path: Path, kind: str) -> Iterator[Image.Image]:
    """The file as an image of which only the header is read.

    Raises:
      InputError: more pixels than the file can hold, or several pages.
    """
    with quiet(), Image.open(path, formats=(kind,)) as image:
        size = path.stat().st_size
        if image.width * image.height > MOST_PIXELS * size:
            came = f"{image.width} x {image.height} pixels in a file of {size} bytes"
            raise InputError(f"{path}: {came}; no compression reaches this ratio")
        pages = getattr(image, "n_frames", 1)
        if pages != 1 and image.format != PREVIEW:
            raise InputError(f"{path}: {pages} pages; one image a file, or npz for volumes")
        yield image


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Context without Pillow's warnings: faults are raised as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def seen_mode(image: Image.Image) -> str:
    """The mode in which the numbers are read: a key of `MODES`."""
    if image.mode in MODES:
        return image.mode
    return "RGBA" if "transparency" in image.info else "RGB"


def numbers(image: Image.Image) -> np.ndarray:
    """The numbers `[H, W, C]`; palettes become colours."""
    with quiet():
        mode = seen_mode(image)
        pixels = np.array(image if mode == image.mode else image.convert(mode))
    return pixels.reshape(*pixels.shape[:2], -1)


def image_of(pixels: np.ndarray, mode: str) -> Image.Image:
    """`[H, W, C]` as an image of `mode`."""
    flat = np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if mode == CMYK:
        return Image.frombytes(mode, pixels.shape[1::-1], flat.tobytes())
    return Image.fromarray(flat)
