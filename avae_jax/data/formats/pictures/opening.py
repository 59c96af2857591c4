"""`open_picture`: opens an image in any format, recognised by its contents."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.pictures.bmp import open_bmp
from avae_jax.data.formats.pictures.jpeg import open_jpeg
from avae_jax.data.formats.pictures.picture import Picture
from avae_jax.data.formats.pictures.png import open_png
from avae_jax.data.formats.pictures.tiff import open_page
from avae_jax.data.formats.reading import reading

WANTED = "PNG, JPEG, TIFF or BMP file"
# Pillow would open many more formats whatever the name of a file, some by other programs.
BEGINNINGS: dict[bytes, Callable] = {
    b"\x89PNG\r\n\x1a\n": open_png,
    b"\xff\xd8\xff": open_jpeg,
    b"II*\0": open_page,
    b"MM\0*": open_page,
    b"II+\0": open_page,
    b"MM\0+": open_page,
    b"BM": open_bmp,
}


@contextlib.contextmanager
def open_picture(path: Path) -> Iterator[Picture]:
    """The image in a file.

    Raises:
      InputError: a damaged file, another format, several pages, more pixels than the file can
        hold or than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    with contextlib.ExitStack() as opened:
        with reading(path, WANTED):
            picture = opened.enter_context(_opener(path)(path))

        def read() -> np.ndarray:
            with reading(path, WANTED):
                return picture.read()

        yield dataclasses.replace(picture, read=read)


def read_image(path: Path) -> np.ndarray:
    """One image file -> `[H, W, C]`.

    Numbers keep their type; palettes become red, green, blue (and alpha for a transparent
    palette).

    Raises:
      InputError: as `open_picture`.
    """
    with open_picture(path) as picture:
        return picture.read()


def _opener(path: Path) -> Callable:
    with open(path, "rb") as stream:
        head = stream.read(8)
    for begins, opener in BEGINNINGS.items():
        if head.startswith(begins):
            return opener
    raise InputError(f"{path}: cannot identify its format; a readable {WANTED} is wanted")
