"""Row stores: npy files that are written row by row and survive a killed process."""

import os
from pathlib import Path

import numpy as np

from avae_jax.core.atomic_files import whole
from avae_jax.core.errors import InputError
from avae_jax.core.types import Shape
from avae_jax.data.formats.npy_header import read_header
from avae_jax.data.formats.reading import reading


class Column:
    """An npy file of `shape = (N, *rest)`: rows are written and read by position.

    Rows that were never written read as zeros; no rows are kept in memory.

    Raises:
      InputError: the file at `path` holds something else.
    """

    def __init__(self, path: Path, shape: Shape, dtype: np.dtype | type):
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype)
        self._row = int(np.prod(shape[1:], dtype=np.int64)) * self.dtype.itemsize
        if path.is_symlink():
            raise InputError(f"{path}: a link; a file of rows of this alignment is wanted")
        if not path.exists():
            self._make()
        with reading(path, "file of rows"), path.open("rb") as file:
            header, self._head = read_header(file, name=str(path)), file.tell()
            held = os.fstat(file.fileno()).st_size - self._head
        if header != (shape, self.dtype, False) or held != shape[0] * self._row:
            raise InputError(
                f"{path}: not rows of {shape} {self.dtype} as this alignment writes them; "
                "use --overwrite to start again"
            )

    def _make(self) -> None:
        descr = np.lib.format.dtype_to_descr(self.dtype)
        says = {"descr": descr, "fortran_order": False, "shape": self.shape}
        with whole(self.path) as file:
            np.lib.format.write_array_header_1_0(file, says)
            file.truncate(file.tell() + self.shape[0] * self._row)

    def write(self, start: int, rows: np.ndarray) -> None:
        """Writes rows `[n, *rest]` from position `start`."""
        with self.path.open("r+b") as file:
            file.seek(self._head + start * self._row)
            file.write(np.ascontiguousarray(rows, self.dtype).data)

    def sync(self) -> None:
        """Returns when all written rows are on disk."""
        with self.path.open("r+b") as file:
            os.fsync(file.fileno())

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows `[stop - start, *rest]`."""
        with self.path.open("rb") as file:
            file.seek(self._head + start * self._row)
            body = file.read((stop - start) * self._row)
        return np.frombuffer(body, self.dtype).reshape(stop - start, *self.shape[1:])


class MemoryColumn:
    """Rows of `shape = (N, *rest)` in memory, read and written like those of a `Column`."""

    def __init__(self, shape: Shape, dtype: np.dtype | type):
        self.rows = np.zeros(shape, dtype)
        self.shape, self.dtype = self.rows.shape, self.rows.dtype

    def write(self, start: int, rows: np.ndarray) -> None:
        """Writes rows `[n, *rest]` from position `start` on."""
        self.rows[start : start + len(rows)] = rows

    def sync(self) -> None:
        """Does nothing: what is written is there."""

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows `[stop - start, *rest]`."""
        return self.rows[start:stop]


Rows = Column | MemoryColumn
