"""Trial write: one example in the format of its stack, before any compute is spent."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats import Stack


class _Enough(BaseException):
    """The first example is written; not an `Exception`, so that no writer handles it."""


def require_writable(stack: Stack, output: Path) -> None:
    """Checks that a stack can be written in its format, with its metadata, near `output`.

    Formats that allocate their file at once make it as large as the stack, but sparse.

    Raises:
      InputError: the format or the disk of the output cannot be written.
    """
    place = next(folder for folder in (output, *output.resolve().parents) if folder.is_dir())
    try:
        with tempfile.TemporaryDirectory(prefix=".avae_jax-", dir=place) as folder:
            _write_first(stack, Path(folder) / stack.result_name)
    except OSError as error:
        raise InputError(f"output {output}: cannot be written, {error.strerror}") from error


def _write_first(stack: Stack, target: Path) -> None:
    d = len(stack.example) - 1
    first = np.eye(d + 1) if stack.move else stack.read(0, 1)

    def parts() -> Iterator[np.ndarray]:
        yield first
        raise _Enough

    try:
        (stack.move or stack.write)(target, parts())
    except _Enough:
        pass
