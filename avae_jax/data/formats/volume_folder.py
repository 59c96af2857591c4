"""Folders with one volume in each file, MRC or NIfTI."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.mrc import CALLED, open_mrc, sign_of
from avae_jax.data.formats.nifti import has_scale, open_nifti
from avae_jax.data.formats.reading import describe
from avae_jax.data.formats.registry import volume_openers
from avae_jax.data.formats.stack import SAME, Stack, checked


@contextlib.contextmanager
def open_volumes(folder: Path, paths: Sequence[Path]) -> Iterator[Stack]:
    """The volumes of files in a folder, in their order.

    NIfTI files may differ in slope and intercept: these are applied to the values, and each
    result has the slope and intercept of its file.

    Raises:
      InputError: files that differ in size, type or the shape of a voxel.
    """
    opener = _opener(paths)
    with opener(paths[0]) as first:
        _require_one(first)
    scaled = any(_format(path) is open_nifti and has_scale(path) for path in paths)
    dtype = np.dtype(np.float64) if scaled else first.dtype

    def read(start: int, stop: int) -> np.ndarray:
        return np.stack([one(path) for path in paths[start:stop]]).astype(dtype)

    def one(path: Path) -> np.ndarray:
        with opener(path) as stack:
            _require_one(stack)
            _require_like(stack, first, scaled=scaled and _format(path) is open_nifti)
            return checked(stack).read(0, 1)[0]

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        examples = (example for part in parts for example in np.asarray(part, dtype))
        for path, example in zip(paths, examples, strict=True):
            made = target / path.relative_to(folder)
            made.parent.mkdir(parents=True, exist_ok=True)
            with opener(path) as stack:
                stack.write(made, [example[None]])

    keys = tuple(path.relative_to(folder).as_posix() for path in paths)
    # The note about files of one volume does not apply to a folder.
    notes = tuple(note for note in first.notes if note != CALLED)
    more: dict[str, Any] = {"pixel": first.pixel, "spacing": first.spacing, "notes": notes}
    more |= {"apart": first.apart, "nodata": first.nodata}
    yield Stack(folder, (len(paths), *first.shape[1:]), dtype, read, write, keys=keys, **more)


def _opener(paths: Sequence[Path]) -> Callable:
    """`path -> stack`; bytes of all MRC files have one sign."""
    mrc = [path for path in paths if _format(path) is open_mrc]
    sign = sign_of(mrc) if mrc else None
    kinds: dict[Callable, Callable] = {
        open_mrc: functools.partial(open_mrc, sign=sign),
        open_nifti: open_nifti,
    }
    return lambda path: kinds[_format(path)](path)


def _format(path: Path) -> Callable:
    return next(
        opener for end, opener in volume_openers().items() if path.name.lower().endswith(end)
    )


def _require_one(stack: Stack) -> None:
    if stack.shape[0] != 1:
        raise InputError(
            f"{stack.path}: {stack.shape[0]} examples; in a folder one per file is wanted"
        )


def _require_like(stack: Stack, first: Stack, *, scaled: bool) -> None:
    """Checks a file of a folder against the first.

    Args:
      scaled: slopes and intercepts are applied, so that the stored types may differ.
    """
    came, wanted = stack.shape[1:], first.shape[1:]
    if came != wanted or (not scaled and stack.dtype != first.dtype):
        raise InputError(
            f"{stack.path}: {describe(came)} of {stack.dtype}, but {first.path} is "
            f"{describe(wanted)} of {first.dtype}; all of one size, channels and type wanted"
        )
    ones = (1.0,) * len(came)
    if not np.allclose(stack.spacing or ones, first.spacing or ones, rtol=SAME):
        ratios, others = (
            describe(tuple(f"{size:.4g}" for size in one.spacing or ones)) for one in (stack, first)
        )
        raise InputError(
            f"{stack.path}: voxels of {ratios} to each other, but of {first.path} {others}; the "
            "same are wanted: resample it"
        )
