"""Stacks in IDX files, plain or gzipped."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from avae_jax.data.formats.contiguous import Layout, copy_head, reader, write_examples
from avae_jax.data.formats.gzip_files import created, is_packed, open_plain
from avae_jax.data.formats.idx_header import read_idx_header
from avae_jax.data.formats.reading import reading
from avae_jax.data.formats.stack import Stack


@contextlib.contextmanager
def open_idx(path: Path) -> Iterator[Stack]:
    """The array of one IDX file."""
    packed = is_packed(path)
    with open_plain(path) as stream:
        with reading(path, "IDX file"):
            dtype, shape = read_idx_header(stream, path)
        layout = Layout(stream.tell(), shape, dtype)

        def write(target: Path, parts: Iterable[np.ndarray]) -> None:
            with created(target, packed=packed) as file:
                copy_head(stream, file, layout)
                write_examples(file, parts, layout)

        read = reader(stream, layout, name=str(path))
        yield Stack(path, layout.shape, layout.dtype, read, write)
