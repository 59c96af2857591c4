"""Stacks from STAR files of RELION: the images that the table names, in its order.

`rlnImageName` is `000017@stack.mrcs`, with images counted from 1, or the file of a volume.
Names are relative to the current directory, as in RELION, or to the STAR file.
"""

import contextlib
import functools
import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.mrc import Statistics, note_statistics, open_mrc, sign_of
from avae_jax.data.formats.mrc_bytes import Sign
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.reading import describe
from avae_jax.data.formats.relion_particles import Particles, pixel_size, read_particles
from avae_jax.data.formats.stack import Stack


class _Image(NamedTuple):
    """Position of an image: its file, its index there, and whether the name gives an index."""

    path: Path
    index: int  # type: ignore[assignment]  # a tuple has a method of that name
    numbered: bool

    @property
    def name(self) -> str:
        """RELION's name of the image, relative to the current directory."""
        return f"{self.index + 1:06d}@{self.path}" if self.numbered else str(self.path)


@contextlib.contextmanager
def open_star(path: Path) -> Iterator[Stack]:
    """The images that a STAR file names; the result is one stack in an MRC file.

    Raises:
      InputError: no table of images, missing files, files with fewer images, or images that
        differ in size or type.
    """
    particles = read_particles(path)
    images = _located(particles)
    sizes = pixel_size(particles)
    # All files share one sign of bytes, like the files of a folder.
    sign = sign_of(list(dict.fromkeys(image.path for image in images)))
    shape, dtype, pixel = _agreed(particles, images, sign)
    pixel = (sizes,) * len(pixel) if sizes else pixel

    def read(start: int, stop: int) -> np.ndarray:
        made = np.empty((stop - start, *shape), dtype)
        done = 0
        # Images of one file are read together, so that each file is opened once.
        for file, some in itertools.groupby(images[start:stop], key=_file_of):
            part = _read(*file, sign, [image.index for image in some])
            made[done : done + len(part)] = part
            done += len(part)
        return made

    whole = (len(images), *shape)

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        _write(target, parts, whole, dtype, pixel)

    names = tuple(image.name for image in images)
    more: dict[str, Any] = {
        "images": names,
        "particles": particles,
        "notes": (sign.note,) if sign else (),
    }
    yield Stack(path, whole, dtype, read, write, pixel=pixel, **more)


def _file_of(image: _Image) -> tuple[Path, bool]:
    return image.path, image.numbered


def _read(path: Path, numbered: bool, sign: Sign | None, indices: list[int]) -> list[np.ndarray]:
    with open_mrc(path, sign) as stack:
        _, section = _sections(stack, numbered=numbered)
        return [section(index) for index in indices]


def _sections(
    stack: Stack, *, numbered: bool
) -> tuple[tuple[int, ...], Callable[[int], np.ndarray]]:
    """The shape of the examples of a file, and a function that reads one by its index.

    Many programs do not declare images in the header: a number before the name means images.
    """
    if not numbered or len(stack.shape) != 4 or stack.shape[0] != 1:
        return stack.shape, lambda index: stack.read(index, index + 1)[0]
    volume = functools.cache(lambda: stack.read(0, 1)[0])
    return stack.shape[1:], lambda index: volume()[index]


def _located(particles: Particles) -> list[_Image]:
    """Positions of the images; each file is looked up once."""
    found: dict[str, Path] = {}
    images = []
    for said in particles.images:
        number, _, name = said.rpartition("@")
        if name not in found:
            found[name] = _file(name, particles.path)
        if number and not (number.isascii() and number.isdigit() and 0 < int(number) < 2**31):
            raise InputError(f"{particles.path}: the image {said}; a number from 1 before @ wanted")
        images.append(_Image(found[name], int(number or 1) - 1, bool(number)))
    return images


def _file(name: str, star: Path) -> Path:
    places = (Path(name), star.parent / name)
    for path in places:
        if path.is_file():
            return path
    where = " or ".join(dict.fromkeys(map(str, places)))
    raise InputError(f"{star}: names {name}, and there is no file {where}; run it where they are")


def _agreed(
    particles: Particles, images: list[_Image], sign: Sign | None
) -> tuple[tuple[int, ...], np.dtype, tuple[float, ...]]:
    """Common shape, type and pixel size of all images."""
    most: dict[tuple[Path, bool], int] = {}
    for image in images:
        most[_file_of(image)] = max(most.get(_file_of(image), 0), image.index + 1)
    first: tuple = ()
    for (path, numbered), wanted in most.items():
        with open_mrc(path, sign) as stack:
            (count, *shape), _ = _sections(stack, numbered=numbered)
            came, pixel = (tuple(shape), stack.dtype.newbyteorder("=")), stack.pixel
        if not numbered and count > 1:
            raise InputError(
                f"{particles.path}: names {path}, which holds {count} images; 000001@{path} or "
                "the like is wanted"
            )
        if wanted > count:
            raise InputError(
                f"{particles.path}: names image {wanted} of {path}, which holds {count}"
            )
        first = first or (*came, pixel, path)
        if came != first[:2]:
            raise InputError(
                f"{path}: {describe(came[0])} of {came[1]}, but {first[3]} is "
                f"{describe(first[0])} of {first[1]}; all of one size and type are wanted"
            )
    return first[0], first[1], first[2][-len(first[0]) :]


def _write(
    target: Path,
    parts: Iterable[np.ndarray],
    shape: tuple[int, ...],
    dtype: np.dtype,
    pixel: tuple[float, ...],
) -> None:
    """Writes a new MRC stack of images or volumes."""
    mrcfile = library("mrcfile", str(target))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mode = mrcfile.utils.mode_from_dtype(dtype)
        with mrcfile.new_mmap(target, shape, mode, overwrite=True) as file:
            if len(shape) == 3:
                file.set_image_stack()
            file.voxel_size = tuple(reversed((pixel[0], *pixel)[-3:]))
            start, seen = 0, Statistics()
            for part in seen.watched(parts):
                file.data[start : start + len(part)] = part
                start += len(part)
    note_statistics(target, seen)
