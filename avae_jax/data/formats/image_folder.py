"""Folders with one image or volume in each file."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.image_files import image_paths, left_out, other_files
from avae_jax.data.formats.mesh_files import SUFFIXES as MESHES
from avae_jax.data.formats.pictures import Picture, open_picture, read_image, require_like
from avae_jax.data.formats.reading import describe
from avae_jax.data.formats.registry import volume_openers
from avae_jax.data.formats.stack import Stack
from avae_jax.data.formats.volume_folder import open_volumes
from avae_jax.data.nodata import of_picture


@contextlib.contextmanager
def open_folder(folder: Path) -> Iterator[Stack]:
    """The images or volumes of a folder and the folders in it, in order of their paths.

    Raises:
      InputError: no files, several kinds, or files that differ in size or type.
    """
    images, volumes = image_paths(folder), image_paths(folder, suffixes=tuple(volume_openers()))
    meshes = image_paths(folder, suffixes=MESHES)
    if bool(images) == bool(volumes) or meshes:
        came = f"{len(images)} images, {len(volumes)} volumes and {len(meshes)} meshes"
        others = "" if images or volumes or meshes else other_files(folder)
        raise InputError(
            f"{folder}: {came} in it{others}; one kind is wanted, PNG, JPEG or TIFF (or BMP) "
            "files, MRC or NIfTI volumes, or OFF, OBJ or STL meshes"
        )
    if volumes:
        with open_volumes(folder, volumes) as stack:
            yield stack
        return
    paths, load, save = images, read_image, _save_image
    notes = (*_require_alike(paths, folder), *left_out(folder))
    first = load(paths[0])
    names = [path.relative_to(folder) for path in paths]

    def read(start: int, stop: int) -> np.ndarray:
        some = [_like(load(path), path, first, paths[0]) for path in paths[start:stop]]
        return np.stack(some).astype(first.dtype)

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        examples = (example for part in parts for example in np.asarray(part, first.dtype))
        for path, name, example in zip(paths, names, examples, strict=True):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            save(path, target / name, example)

    keys = tuple(name.as_posix() for name in names)
    shape = (len(paths), *first.shape)
    yield Stack(
        folder, shape, first.dtype, read, write, keys=keys, notes=notes, nodata=of_picture(paths[0])
    )


def _like(example: np.ndarray, path: Path, first: np.ndarray, first_path: Path) -> np.ndarray:
    native = first.dtype.newbyteorder("=")
    if example.shape != first.shape or example.dtype.newbyteorder("=") != native:
        raise InputError(
            f"{path}: {describe(example.shape)} of {example.dtype}, but {first_path} is "
            f"{describe(first.shape)} of {first.dtype}; all of one size, channels and type wanted"
        )
    return example


def _save_image(source: Path, target: Path, example: np.ndarray) -> None:
    """Writes `[H, W, C]` in the format of `source`."""
    with open_picture(source) as picture:
        picture.write(target, example)


def _require_alike(paths: list[Path], folder: Path) -> tuple[str, ...]:
    """Checks the headers of all images; returns a message for each property that is lost.

    Raises:
      InputError: an image is damaged, or differs from the first in size, type or meaning.
    """
    first = next(_heads(paths))
    lost: dict[str, list[Path]] = {}
    for picture in _heads(paths):
        require_like(picture, first)
        for note in picture.notes:
            lost.setdefault(note, []).append(picture.path.relative_to(folder))
    return tuple(f"{_named(found)}: {note}." for note, found in lost.items())


def _heads(paths: list[Path]) -> Iterator[Picture]:
    for path in paths:
        with open_picture(path) as picture:
            yield picture


def _named(paths: list[Path]) -> str:
    others = f" and {len(paths) - 1} others" if len(paths) > 1 else ""
    return f"{paths[0]}{others}"
