"""BMP images: grey values and colours of 8 bits."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.pictures.picture import Picture
from avae_jax.data.formats.pictures.pillow import MODES, image_of, numbers, opened, seen_mode

BITS = {"1": 1, "L": 8, "RGB": 24}
# Positions in the header: pixels per metre, and the colour space.
RESOLUTION, SPACE = slice(38, 46), slice(70, 74)
LEAST_HEAD, EMBEDDED = 40, (b"DEBM", b"KNIL")


@contextlib.contextmanager
def open_bmp(path: Path) -> Iterator[Picture]:
    """A file without transparency; palettes become colours.

    Raises:
      InputError: transparency, which other programs would not find in the result.
    """
    with opened(path, "BMP") as image, open(path, "rb") as stream:
        head = stream.read(74)
        mode, long = seen_mode(image), int.from_bytes(head[14:18], "little") >= LEAST_HEAD
        if mode not in BITS:
            raise InputError(f"{path}: BMP with transparency; a PNG file is wanted")
        channels, dtype, meaning = MODES[mode]
        bits = int.from_bytes(head[28:30] if long else head[24:26], "little")

        def write(target: Path, pixels: np.ndarray) -> None:
            file = io.BytesIO()
            image_of(pixels, mode).save(file, "BMP")
            made = bytearray(file.getvalue())
            if long:
                made[RESOLUTION] = head[RESOLUTION]
            target.write_bytes(made)

        notes = [f"pixels of {bits} bits, written in {BITS[mode]}"] if bits != BITS[mode] else []
        if long and head[SPACE] in EMBEDDED and int.from_bytes(head[14:18], "little") > 108:
            notes.append("a colour profile, left out")

        def read() -> np.ndarray:
            return numbers(image)

        shape = (image.height, image.width, channels)
        yield Picture(path, shape, np.dtype(dtype), meaning, read, write, tuple(notes))
