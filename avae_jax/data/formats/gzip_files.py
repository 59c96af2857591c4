"""Plain and gzip files, recognised by their contents."""

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GZIP = b"\x1f\x8b"


def is_packed(path: Path) -> bool:
    """Whether the file is compressed by gzip."""
    with open(path, "rb") as stream:
        return stream.read(2) == GZIP


def open_plain(path: Path) -> Any:
    """The contents of a file as a binary stream, decompressed if necessary."""
    return gzip.open(path, "rb") if is_packed(path) else open(path, "rb")


@contextlib.contextmanager
def created(path: Path, *, packed: bool) -> Iterator[Any]:
    """A new file as a binary stream, compressed or not; the same contents give the same bytes."""
    with open(path, "wb") as stream:
        if not packed:
            yield stream
            return
        # Without the name and the time that gzip files normally hold.
        with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as wrapped:
            yield wrapped
