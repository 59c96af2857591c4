"""Stacks in npz archives; results keep the other arrays of the archive."""

import contextlib
import functools
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from avae_jax.data.formats.contiguous import Layout, reader, write_examples
from avae_jax.data.formats.npy_header import Header, choose_array, npz_headers, read_header
from avae_jax.data.formats.reading import reading, require_memory
from avae_jax.data.formats.stack import Stack

LABELS = "labels"
OBJECTS = (
    "{path}: read without its labels, which are Python objects and not loaded; save them as "
    "labels=labels.astype(str), or as integers."
)


@contextlib.contextmanager
def open_npz(path: Path) -> Iterator[Stack]:
    """The only array of rank 3 or more of an npz archive, else the one named images or volumes."""
    with contextlib.ExitStack() as opened:
        with reading(path, "npz archive"):
            headers = npz_headers(path)
            chosen = choose_array(headers, name=str(path))
            archive = opened.enter_context(zipfile.ZipFile(path))
            stream = opened.enter_context(archive.open(f"{chosen}.npy"))
            header = read_header(stream, name=f"{path}: {chosen}.npy")
        layout = Layout(stream.tell(), header.shape, header.dtype)

        write = functools.partial(_write, archive, f"{chosen}.npy", layout)
        read = reader(stream, layout, name=f"{path}:{chosen}")
        if header.fortran:
            require_memory(
                f"{path}: {chosen}", header.shape, header.dtype.itemsize, way_out="save it as npy"
            )
            with np.load(path, allow_pickle=False) as arrays:
                read = _slices(arrays[chosen])
        labels = functools.partial(_labels, path, headers, chosen)
        yield Stack(path, layout.shape, layout.dtype, read, write, member=chosen, labels=labels)


def _labels(path: Path, headers: dict[str, Header], chosen: str) -> tuple[np.ndarray | None, str]:
    """The array `labels` of an archive, and a message if labels are not loaded as objects."""
    if LABELS not in headers or chosen == LABELS:
        return None, ""
    header = headers[LABELS]
    if header.dtype.hasobject:
        return None, OBJECTS.format(path=path)
    with reading(path, "npz archive"), np.load(path, allow_pickle=False) as arrays:
        name = f"{path}: {LABELS}.npy"
        require_memory(name, header.shape, header.dtype.itemsize, way_out="save fewer labels")
        return arrays[LABELS], ""


def _slices(array: np.ndarray) -> Callable[[int, int], np.ndarray]:
    return lambda start, stop: array[start:stop]


def _write(
    archive: zipfile.ZipFile,
    chosen: str,
    layout: Layout,
    target: Path,
    parts: Iterable[np.ndarray],
) -> None:
    """A new archive: one array replaced, the other members copied."""
    write_array = functools.partial(_write_array, layout=layout, parts=parts)
    with zipfile.ZipFile(target, "w") as made:
        for info in archive.infolist():
            # A new entry has no time, so that the same arrays give the same bytes.
            entry = zipfile.ZipInfo(info.filename)
            entry.compress_type = info.compress_type
            with made.open(entry, "w", force_zip64=True) as file:
                write = write_array if info.filename == chosen else _copied(archive, info)
                write(file)


def _copied(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[IO[bytes]], None]:
    def write(file: IO[bytes]) -> None:
        with archive.open(info) as member:
            shutil.copyfileobj(member, file)

    return write


def _write_array(file: IO[bytes], layout: Layout, parts: Iterable[np.ndarray]) -> None:
    descr = np.lib.format.dtype_to_descr(layout.dtype)
    says = {"descr": descr, "fortran_order": False, "shape": layout.shape}
    np.lib.format.write_array_header_1_0(file, says)
    write_examples(file, parts, layout)
