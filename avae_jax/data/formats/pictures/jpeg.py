"""JPEG images: written at high quality with all metadata of the source."""

import contextlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from avae_jax.data.formats.pictures.picture import Picture
from avae_jax.data.formats.pictures.pillow import (
    MODES,
    PREVIEW,
    image_of,
    numbers,
    opened,
    seen_mode,
)

# Lossy, so that what is written is near to what was computed.
QUALITY = {"quality": 95, "subsampling": 0}
COMMENT = 0xFE
# Segments that speak of the encoding, and of a second picture, are the writer's own.
OF_ENCODING, OF_PREVIEW = "APP14", b"MPF\0"
START, HEAD = b"\xff\xd8", b"\xff\xe0"


@contextlib.contextmanager
def open_jpeg(path: Path) -> Iterator[Picture]:
    """A file of grey values, RGB or CMYK; of one with a preview the first picture."""
    with opened(path, "JPEG") as image:
        mode = seen_mode(image)
        channels, dtype, meaning = MODES[mode]

        def write(target: Path, pixels: np.ndarray) -> None:
            file = io.BytesIO()
            image_of(pixels, mode).save(file, "JPEG", **QUALITY)
            target.write_bytes(_saying(file.getvalue(), _segments(image)))

        shape = (image.height, image.width, channels)
        notes = ("a second picture, left out",) if image.format == PREVIEW else ()

        def read() -> np.ndarray:
            return numbers(image)

        yield Picture(path, shape, np.dtype(dtype), meaning, read, write, notes)


def _segments(image: Image.Image) -> list[bytes]:
    """What the file says of itself: resolution, orientation, profile, comments."""
    kept = []
    for name, body in getattr(image, "applist", ()):
        if name != OF_ENCODING and not body.startswith(OF_PREVIEW):
            code = COMMENT if name == "COM" else 0xE0 + int(name.removeprefix("APP"))
            kept.append(struct.pack(">BBH", 0xFF, code, len(body) + 2) + body)
    return kept


def _saying(made: bytes, segments: list[bytes]) -> bytes:
    """The file `made` with `segments`, at most one of which says the resolution."""
    rest = made[len(START) :]
    own = rest[: 2 + int.from_bytes(rest[2:4], "big")] if rest.startswith(HEAD) else b""
    first = [] if any(segment.startswith(HEAD) for segment in segments) else [own]
    return b"".join([START, *first, *segments, rest[len(own) :]])
