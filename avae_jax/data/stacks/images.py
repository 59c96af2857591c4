"""Folders in which every file is one example: PNG, JPEG and TIFF, or volumes of MRC and NIfTI."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from avae_jax.data.folder import FORMATS, image_paths, read_image
from avae_jax.data.source import describe, reading
from avae_jax.data.stacks.mesh_files import SUFFIXES as MESHES
from avae_jax.data.stacks.stack import Stack
from avae_jax.data.stacks.volumes import VOLUMES, open_volumes
from avae_jax.errors import InputError

# Lossy, so that what is written is near to what was computed.
JPEG = {"quality": 95, "subsampling": 0}


@contextlib.contextmanager
def open_folder(folder: Path) -> Iterator[Stack]:
    """The images or volumes of a folder and the folders in it, in order of their paths.

    Raises:
      InputError: none there, both kinds, or files that differ in size or type.
    """
    images, volumes = image_paths(folder), image_paths(folder, suffixes=tuple(VOLUMES))
    meshes = image_paths(folder, suffixes=MESHES)
    if bool(images) == bool(volumes) or meshes:
        came = f"{len(images)} images, {len(volumes)} volumes and {len(meshes)} meshes"
        raise InputError(
            f"{folder}: {came} in it; one kind is wanted, PNG, JPEG or TIFF files, MRC or NIfTI "
            "volumes, or OFF, OBJ or STL meshes"
        )
    if volumes:
        with open_volumes(folder, volumes) as stack:
            yield stack
        return
    paths, load, save = images, read_image, _save_image
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
    yield Stack(folder, shape, first.dtype, read, write, keys=keys)


def _like(example: np.ndarray, path: Path, first: np.ndarray, first_path: Path) -> np.ndarray:
    if example.shape != first.shape or example.dtype != first.dtype:
        raise InputError(
            f"{path}: {describe(example.shape)} of {example.dtype}, but {first_path} is "
            f"{describe(first.shape)} of {first.dtype}; all of one size, channels and type wanted"
        )
    return example


def _save_image(source: Path, target: Path, example: np.ndarray) -> None:
    """Writes `[H, W, C]` in the kind of file that `source` is."""
    pixels = example[..., 0] if example.shape[-1] == 1 else example
    with reading(source, "PNG, JPEG or TIFF file"), Image.open(source, formats=FORMATS) as image:
        mode, kind = image.mode, "JPEG" if image.format == "MPO" else image.format
        kept = _kept(image, kind)
    if mode.startswith("I;16"):
        # The only modes of which Pillow keeps the byte order.
        made = Image.frombytes(mode, pixels.shape[::-1], pixels.tobytes())
    else:
        made = Image.fromarray(pixels)
    made.save(target, kind, **kept)


def _kept(image: Image.Image, kind: str | None) -> dict[str, Any]:
    """What a picture says of itself, for its successor: resolution, colours, orientation."""
    names = ("dpi", "icc_profile", "exif")
    if kind == "TIFF":
        return {name: image.info[name] for name in ("dpi", "compression") if name in image.info}
    kept = {name: image.info[name] for name in names if name in image.info}
    return kept | (JPEG if kind == "JPEG" else {})
