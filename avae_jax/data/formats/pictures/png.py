"""PNG images, with all ancillary chunks of the source."""

import contextlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from avae_jax.data.formats.optional import library
from avae_jax.data.formats.pictures.picture import GREY, Picture
from avae_jax.data.formats.pictures.pillow import MODES, image_of, numbers, opened, seen_mode

HEAD = 33  # bytes of the signature and the first chunk
COLOURS = {2: 3, 4: 2, 6: 4}  # channels of the colour types of which Pillow keeps 8 bits of 16
PALETTE, GREY_ALPHA = 3, 4
# Chunks about single values, valid only while these are stored in the same way.
OF_VALUES = {b"tRNS", b"bKGD", b"hIST", b"sBIT", b"sPLT"}
# Chunks that stay valid for new numbers, although they are not marked as safe to copy.
OF_PICTURES = {b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi"}
OF_PICTURES |= {b"tIME", *OF_VALUES}
SAFE = 0x20  # bit of a name's last letter: a chunk that may be copied without knowing it


class Chunk(NamedTuple):
    """A piece of a file: its four letters, and all its bytes."""

    name: bytes
    whole: bytes


@contextlib.contextmanager
def open_png(path: Path) -> Iterator[Picture]:
    """A file of 1 to 16 bits; palettes become colours.

    Raises:
      InputError: damaged, animated, or its library is not installed.
    """
    with opened(path, "PNG") as image:
        with open(path, "rb") as stream:
            bits, colours = stream.read(HEAD)[24:26]
        mode, deep = seen_mode(image), bits == 16 and colours in COLOURS
        channels, dtype, meaning = MODES[mode]
        if deep:
            codec = library("imagecodecs", f"{path}, colours of 16 bits")
            channels, dtype = COLOURS[colours], "u2"

        def read() -> np.ndarray:
            if deep:
                pixels = codec.png_decode(b"".join(_needed(path)))
                return pixels.reshape(image.height, image.width, channels)
            return numbers(image).astype(dtype, copy=False)

        def write(target: Path, pixels: np.ndarray) -> None:
            if deep:
                made = codec.png_encode(np.ascontiguousarray(pixels, dtype))
            else:
                file = io.BytesIO()
                image_of(pixels, mode).save(file, "PNG")
                made = file.getvalue()
            same = bits in (1, 8, 16) and colours != PALETTE
            said = b"".join(chunk.whole for chunk in _chunks(path) if _is_kept(chunk, same=same))
            target.write_bytes(made[:HEAD] + said + made[HEAD:])

        shape = (image.height, image.width, channels)
        meaning = GREY if colours == GREY_ALPHA else meaning
        notes = _notes(bits, colours)
        yield Picture(path, shape, np.dtype(dtype), meaning, read, write, notes)


def _notes(bits: int, colours: int) -> tuple[str, ...]:
    if colours == PALETTE:
        return ("a table of colours, written as RGB",)
    return () if bits in (1, 8, 16) else (f"grey values of {bits} bits, written in 8",)


def _chunks(path: Path) -> Iterator[Chunk]:
    """The complete chunks of a file in order."""
    left = path.stat().st_size - 8
    with open(path, "rb") as stream:
        stream.seek(8)
        while len(head := stream.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            left -= 12 + length
            if left < 0:
                break
            yield Chunk(name, head + stream.read(length + 4))


def _needed(path: Path) -> Iterator[bytes]:
    """The file without chunks that could change the decoding of its numbers."""
    yield b"\x89PNG\r\n\x1a\n"
    for chunk in _chunks(path):
        if chunk.name in (b"IHDR", b"IDAT", b"IEND"):
            yield chunk.whole


def _is_kept(chunk: Chunk, *, same: bool) -> bool:
    """Whether a chunk stays valid for new numbers, stored in the `same` way."""
    if chunk.name[:1].isupper() or (chunk.name in OF_VALUES and not same):
        return False
    return chunk.name in OF_PICTURES or bool(chunk.name[3] & SAFE)
