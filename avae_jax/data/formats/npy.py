"""Stacks in npy files."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from avae_jax.data.formats.contiguous import Layout, copy_head, reader, write_examples
from avae_jax.data.formats.gzip_files import created
from avae_jax.data.formats.npy_header import check_magic, read_header
from avae_jax.data.formats.reading import reading
from avae_jax.data.formats.stack import Stack


@contextlib.contextmanager
def open_npy(path: Path) -> Iterator[Stack]:
    """The array of an npy file."""
    with reading(path, "npy file"):
        check_magic(path)
    with open(path, "rb") as stream:
        with reading(path, "npy file"):
            header = read_header(stream, name=str(path))
            layout = Layout(stream.tell(), header.shape, header.dtype)
        if header.fortran:
            yield _columns(path, layout)
            return

        def write(target: Path, parts: Iterable[np.ndarray]) -> None:
            with created(target, packed=False) as file:
                copy_head(stream, file, layout)
                write_examples(file, parts, layout)

        read = reader(stream, layout, name=str(path))
        yield Stack(path, layout.shape, layout.dtype, read, write)


def _columns(path: Path, layout: Layout) -> Stack:
    """An array whose first axis varies fastest: each example is scattered over the file."""

    def read(start: int, stop: int) -> np.ndarray:
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[start:stop])

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        write_array(target, parts, layout.shape, layout.dtype, columns=True)

    return Stack(path, layout.shape, layout.dtype, read, write)


def write_array(
    target: Path,
    parts: Iterable[np.ndarray],
    shape: tuple[int, ...],
    dtype: np.dtype,
    *,
    columns: bool = False,
) -> None:
    """Writes an npy file of `shape = (N, *rest)` from parts `[n, *rest]` in order.

    Args:
      columns: whether the first axis varies fastest.
    """
    array = np.lib.format.open_memmap(
        target, mode="w+", dtype=dtype, shape=shape, fortran_order=columns
    )
    start = 0
    for part in parts:
        array[start : start + len(part)] = part
        start += len(part)
    array.flush()
