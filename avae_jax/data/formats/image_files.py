"""Single image files: which there are and what they hold."""

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from avae_jax.core.errors import InputError
from avae_jax.data.formats.reading import EXPANDS, reading

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


# Pillow would open many more whatever a file is called, some by starting other programs.
FORMATS = ("PNG", "JPEG", "TIFF")


# Of an image, for each byte of its file: black and white, packed as much as anything is.
MOST_PIXELS = 8 * EXPANDS


# Pillow's modes whose pixels are numbers as they stand; the others become colours.
NUMERIC_MODES = ("1", "L", "LA", "RGB", "RGBA", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")


def read_image(path: Path) -> np.ndarray:
    """One image file -> `[H, W, C]`.

    Grey values keep their type (boolean, 8, 16 or 32 bits); palettes and other colour
    spaces become red, green, blue (and alpha, where a palette is transparent).

    Raises:
        InputError: for a damaged file, a stack of pages, and more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    with reading(path, "PNG, JPEG or TIFF file"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters comes as an error
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as image:
            size = path.stat().st_size
            if image.width * image.height > MOST_PIXELS * size:
                came = f"{image.width} x {image.height} pixels in a file of {size} bytes"
                raise InputError(f"{path}: {came}; no image can be packed like that")
            pages = getattr(image, "n_frames", 1)
            # Cameras store a preview as a second picture of a JPEG file (MPO).
            if pages != 1 and image.format != "MPO":
                raise InputError(f"{path}: {pages} pages; one image a file, or npz for volumes")
            if image.mode not in NUMERIC_MODES:
                clear = "transparency" in image.info
                pixels = np.array(image.convert("RGBA" if clear else "RGB"))
            else:
                pixels = np.array(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def image_paths(folder: Path, *, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """The files below `folder` that end in one of `suffixes`, sorted; nothing hidden."""
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(root, name)
            for name in files
            if name.lower().endswith(suffixes) and not name.startswith(".")
        ]
    return sorted(found)
