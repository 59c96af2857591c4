"""Safe reading of files: failures as one sentence, size limits before memory is taken."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError

# Above this the arrays would not fit an ordinary machine: more likely a wrong file, a
# wrong size or an archive made to expand without end.
MAX_BYTES = min(16 * 2**30, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


# What is packed holds at most so many times its own bytes (deflate 1,032), or is made to harm.
EXPANDS, FLOOR = 2**11, 2**24


@contextlib.contextmanager
def reading(path: Path | str, wanted: str) -> Iterator[None]:
    """Turns every failure while reading `path` into one sentence.

    Args:
        path: what is read, for the sentence.
        wanted: what it should be, e.g. "IDX file".

    Raises:
        InputError: in place of whatever the body raised.
    """
    try:
        # A pipe would be waited for, and a device has no end.
        if isinstance(path, Path) and path.exists() and not path.is_file():
            raise InputError(f"{path}: no regular file; a readable {wanted} is wanted")
        if isinstance(path, Path) and path.is_symlink() and not path.exists():
            raise InputError(f"{path}: a link that leads nowhere; a readable {wanted} is wanted")
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a readable {wanted} is wanted") from None
    except OSError as error:
        raise InputError(f"{path}: {line_of(error)}; a readable {wanted} is wanted") from error
    # Parsers of damaged files raise nearly everything (struct.error, zlib.error,
    # SyntaxError, IndexError, ...), and all of it means the same here.
    except Exception as error:
        raise InputError(f"{path}: not a readable {wanted} ({line_of(error)})") from error


def path_of(text: str) -> Path:
    """The path that `text` names; `~` is the home folder.

    Raises:
        InputError: it is that of nobody.
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
    """Refuses `size` bytes of numbers that a file is too small to hold, packed or not.

    Raises:
        InputError: names the file and both sizes.
    """
    held = path.stat().st_size
    if size > max(FLOOR, EXPANDS * held):
        raise InputError(
            f"{path}: says that it holds {size:,} bytes of numbers, in a file of {held:,}; "
            "numbers that are there are wanted"
        )


def describe(shape: tuple[int | str, ...]) -> str:
    """`(32, 32, 1)` as `32 x 32 x 1`."""
    return " x ".join(str(side) for side in shape)


def line_of(error: BaseException) -> str:
    """The first line of an error's own words, short enough to stand in a sentence."""
    text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return text.strip().splitlines()[0][:160].rstrip(".")


def require_numbers(dtype: np.dtype, *, name: str) -> np.dtype:
    """`dtype` unchanged if it is boolean, integer or real.

    Raises:
        InputError: for pickled objects, strings, complex numbers and records.
    """
    if dtype.hasobject:
        raise InputError(f"{name}: pickled objects are not read; an array of numbers is wanted")
    if dtype.kind not in "biuf":
        raise InputError(f"{name}: dtype {dtype}; booleans, integers or floats are wanted")
    return dtype
