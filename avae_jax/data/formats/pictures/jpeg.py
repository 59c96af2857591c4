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

# JPEG is lossy: a high quality keeps the written values near the computed ones.
QUALITY = {"quality": 95, "subsampling": 0}
COMMENT = 0xFE
# Segments about the encoding and about a second picture, which are not copied.
OF_ENCODING, OF_PREVIEW = "APP14", b"MPF\0"
START, HEAD = b"\xff\xd8", b"\xff\xe0"


@contextlib.contextmanager
def open_jpeg(path: Path) -> Iterator[Picture]:
    """A file of grey values, RGB or CMYK; a file with a preview is read without it."""
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
    """The metadata segments of a file: resolution, orientation, profile, comments."""
    kept = []
    for name, body in getattr(image, "applist", ()):
        if name != OF_ENCODING and not body.startswith(OF_PREVIEW):
            code = COMMENT if name == "COM" else 0xE0 + int(name.removeprefix("APP"))
            kept.append(struct.pack(">BBH", 0xFF, code, len(body) + 2) + body)
    return kept


def _saying(made: bytes, segments: list[bytes]) -> bytes:
    """The file `made` with `segments`, at most one of which holds the resolution."""
    rest = made[len(START) :]
    own = rest[: 2 + int.from_bytes(rest[2:4], "big")] if rest.startswith(HEAD) else b""
    first = [] if any(segment.startswith(HEAD) for segment in segments) else [own]
    return b"".join([START, *first, *segments, rest[len(own) :]])
