"""Volumes in NIfTI files, plain or gzipped: four axes are a stack along the last one."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.contiguous import Layout, copy_head, reader, write_examples
from avae_jax.data.formats.gzip_files import created, is_packed, open_plain
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.reading import describe, reading
from avae_jax.data.formats.stack import Stack


@contextlib.contextmanager
def open_nifti(path: Path) -> Iterator[Stack]:
    """The volumes of a NIfTI file as stored, in its axis order x, y, z.

    Numbers are those of the file before its own slope and intercept.
    """
    layout, packed = _layout(path), is_packed(path)
    with open_plain(path) as stream:

        def write(target: Path, parts: Iterable[np.ndarray]) -> None:
            with created(target, packed=packed) as file:
                copy_head(stream, file, layout)
                write_examples(file, parts, layout)

        read = reader(stream, layout, name=str(path))
        yield Stack(path, layout.shape, layout.dtype, read, write)


def _layout(path: Path) -> Layout:
    nibabel = library("nibabel", str(path))
    with reading(path, "NIfTI file"):
        image = nibabel.load(path)
        shape, dtype = tuple(map(int, image.shape)), image.header.get_data_dtype()
        offset = int(image.dataobj.offset)
    if len(shape) not in (3, 4):
        raise InputError(
            f"{path}: an array of {describe(shape)}; a volume or volumes along a fourth axis wanted"
        )
    count = shape[3] if len(shape) == 4 else 1
    return Layout(offset, (count, *shape[:3]), dtype, order="F")
