"""Safe reading of files: failures as one sentence, size limits before memory is taken."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError

# Larger arrays do not fit an ordinary machine: more likely a wrong file, a wrong size or a
# zip bomb.
MAX_BYTES = min(16 * 2**30, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


# Maximum decompression ratio accepted (DEFLATE reaches 1,032:1); more is treated as a zip bomb.
EXPANDS, FLOOR = 2**11, 2**24


@contextlib.contextmanager
def reading(path: Path | str, wanted: str) -> Iterator[None]:
    """Context that turns every failure while reading `path` into one sentence.

    Args:
        path: the file, for the message.
        wanted: its expected kind, e.g. "IDX file".

    Raises:
        InputError: in place of any exception of the body.
    """
    try:
        # Reading a pipe would block, and a device has no end.
        if isinstance(path, Path) and path.exists() and not path.is_file():
            raise InputError(f"{path}: not a regular file; a readable {wanted} is wanted")
        if isinstance(path, Path) and path.is_symlink() and not path.exists():
            raise InputError(f"{path}: a link that leads nowhere; a readable {wanted} is wanted")
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a readable {wanted} is wanted") from None
    except OSError as error:
        raise InputError(f"{path}: {line_of(error)}; a readable {wanted} is wanted") from error
    # Parsers of damaged files raise nearly every exception (struct.error, zlib.error,
    # SyntaxError, IndexError, ...), all with the same meaning here.
    except Exception as error:
        raise InputError(f"{path}: not a readable {wanted} ({line_of(error)})") from error


def path_of(text: str) -> Path:
    """The path that `text` names; `~` is the home folder.

    Raises:
        InputError: no such user.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InputError(f"{text}: no such home folder; a path is wanted") from None


def require_memory(name: str, shape: tuple[int, ...], itemsize: int, *, way_out: str) -> None:
    """Refuses an array of `shape` that would take more than `MAX_BYTES`.

    Raises:
        InputError: names the array, its size, and `way_out`.
    """
    bytes_wanted = itemsize
    for side in shape:
        bytes_wanted *= int(side)
    if bytes_wanted > MAX_BYTES:
        raise InputError(
            f"{name}: {describe(shape)} would take {bytes_wanted / 2**30:.0f} GiB and at most "
            f"{MAX_BYTES / 2**30:.0f} are allowed; {way_out}"
        )


def require_held(path: Path, size: int) -> None:
    """Refuses `size` bytes of numbers that a file is too small to hold, even compressed.

    Raises:
        InputError: names the file and both sizes.
    """
    held = path.stat().st_size
    if size > max(FLOOR, EXPANDS * held):
        raise InputError(
            f"{path}: announces {size:,} bytes of numbers in a file of {held:,}; a complete "
            "file is wanted"
        )


def describe(shape: tuple[int | str, ...]) -> str:
    """`(32, 32, 1)` as `32 x 32 x 1`."""
    return " x ".join(str(side) for side in shape)


def line_of(error: BaseException) -> str:
    """The first line of an error's message, short enough for a sentence."""
    text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return text.strip().splitlines()[0][:160].rstrip(".")


def require_numbers(dtype: np.dtype, *, name: str) -> np.dtype:
    """`dtype` unchanged if it is boolean, integer or real.

    Raises:
        InputError: pickled objects, strings, complex numbers and records.
    """
    if dtype.hasobject:
        raise InputError(f"{name}: pickled objects are not read; an array of numbers is wanted")
    if dtype.kind not in "biuf":
        raise InputError(f"{name}: dtype {dtype}; booleans, integers or floats are wanted")
    return dtype
