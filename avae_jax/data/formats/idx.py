"""Stacks in IDX files, plain or gzipped."""

import contextlib
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.contiguous import Layout, copy_head, reader, write_examples
from avae_jax.data.formats.gzip_files import created, is_packed, open_plain
from avae_jax.data.formats.idx_header import read_idx_header
from avae_jax.data.formats.reading import reading, require_held, require_memory
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

        examples = reader(stream, layout, name=str(path))

        def read(start: int, stop: int) -> np.ndarray:
            values = examples(start, stop)
            if stop == shape[0] and stream.read(1):
                size = math.prod(shape) * dtype.itemsize
                raise InputError(f"{path}: more bytes than the {size} that its header announces")
            return values

        yield Stack(path, layout.shape, layout.dtype, read, write)


def read_idx(path: Path) -> np.ndarray:
    """The whole array of an IDX file, of any rank from 1 up.

    Raises:
        InputError: more or fewer bytes than the header announces.
    """
    with reading(path, "IDX file"), open_idx(path) as stack:
        way_out = "use a smaller file"
        require_memory(str(path), stack.shape, stack.dtype.itemsize, way_out=way_out)
        require_held(path, stack.bytes)
        return stack.read(0, stack.shape[0])
