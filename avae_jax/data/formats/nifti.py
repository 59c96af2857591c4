"""Volumes in NIfTI files, plain or gzipped; a fourth axis is a stack."""

import contextlib
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.contiguous import Layout, copy_head, reader, write_examples
from avae_jax.data.formats.gzip_files import created, is_packed, open_plain
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.reading import describe, reading
from avae_jax.data.formats.stack import Stack, spacing_of, volumes_axes
from avae_jax.data.precision import stored


class Line(NamedTuple):
    """Scaling of the numbers of a file: values are `slope * number + intercept`."""

    slope: float
    intercept: float

    @property
    def plain(self) -> bool:
        """Whether values are the numbers themselves."""
        return self == (1.0, 0.0)


@contextlib.contextmanager
def open_nifti(path: Path) -> Iterator[Stack]:
    """The volumes of a NIfTI file, in its axis order x, y, z.

    If the file has a slope and an intercept, they are applied and the values are float64.
    Results are written with the same slope and intercept.
    """
    layout, line, sizes = _header(path)
    packed, dtype = is_packed(path), layout.dtype if line.plain else np.dtype(np.float64)
    with open_plain(path) as stream:
        numbers = reader(stream, layout, name=str(path))

        def read(start: int, stop: int) -> np.ndarray:
            raw = numbers(start, stop)
            return raw if line.plain else raw * np.float64(line.slope) + line.intercept

        def write(target: Path, parts: Iterable[np.ndarray]) -> None:
            raw = (_raw(part, line, layout.dtype) for part in parts)
            with created(target, packed=packed) as file:
                copy_head(stream, file, layout)
                write_examples(file, raw, layout)

        more: dict[str, Any] = {"spacing": spacing_of(sizes), "apart": volumes_axes(layout.shape)}
        # Many programs write NaN outside of a mask.
        more["nodata"] = math.nan if layout.dtype.kind == "f" else None
        yield Stack(path, layout.shape, dtype, read, write, **more)


def has_scale(path: Path) -> bool:
    """Whether a file has a slope or an intercept."""
    return not _header(path)[1].plain


def _raw(values: np.ndarray, line: Line, dtype: np.dtype) -> np.ndarray:
    """Values converted back to the numbers of the file."""
    if line.plain and values.dtype == dtype:
        return values
    return stored((values - line.intercept) / line.slope, dtype)


def _header(path: Path) -> tuple[Layout, Line, tuple[float, ...]]:
    """The layout and the scaling of the numbers, and the voxel size on each axis."""
    nibabel = library("nibabel", str(path))
    with reading(path, "NIfTI file"):
        image = nibabel.load(path)
        shape, dtype = tuple(map(int, image.shape)), image.header.get_data_dtype()
        proxy, sizes = image.dataobj, tuple(map(float, image.header.get_zooms()[:3]))
        offset, line = int(proxy.offset), Line(float(proxy.slope), float(proxy.inter))
    if len(shape) not in (3, 4):
        raise InputError(
            f"{path}: an array of {describe(shape)}; a volume or volumes along a fourth axis wanted"
        )
    count = shape[3] if len(shape) == 4 else 1
    return Layout(offset, (count, *shape[:3]), dtype, order="F"), line, sizes
