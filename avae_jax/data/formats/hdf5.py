"""Stacks in HDF5 files: `FILE:DATASET`, or the only data set that can be one."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.reading import reading
from avae_jax.data.formats.stack import Stack

# These attributes point at data sets of their own file.
POINTERS = ("DIMENSION_LIST", "REFERENCE_LIST")


@contextlib.contextmanager
def open_hdf5(path: Path, member: str = "") -> Iterator[Stack]:
    """One data set of an HDF5 file.

    Raises:
      InputError: no such data set, or several where none is named.
    """
    h5py = library("h5py", str(path))
    with contextlib.ExitStack() as opened:
        with reading(path, "HDF5 file"):
            file = opened.enter_context(h5py.File(path, "r"))
            chosen = file[_choose(h5py, file, member, path)]
            _require_own(chosen, path)

        def read(start: int, stop: int) -> np.ndarray:
            with reading(path, "HDF5 file"):
                return chosen[start:stop]

        def write(target: Path, parts: Iterable[np.ndarray]) -> None:
            with h5py.File(target, "w") as made:
                _copy_others(h5py, file, made, chosen.name)
                _fill(_like(made, chosen), parts)

        name = chosen.name
        yield Stack(path, chosen.shape, chosen.dtype, read, write, member=name, choice=name)


def _choose(h5py: Any, file: Any, member: str, path: Path) -> str:
    found: dict[str, Any] = {}
    file.visititems(
        lambda name, item: found.update({name: item} if isinstance(item, h5py.Dataset) else {})
    )
    stacks = [name for name, item in found.items() if item.ndim >= 3 and item.dtype.kind in "biuf"]
    if member.strip("/") in found:
        return member.strip("/")
    if not member and len(stacks) == 1:
        return stacks[0]
    listed = ", ".join(f"{name} {item.shape} {item.dtype}" for name, item in found.items())
    raise InputError(
        f"{path}: holds {listed or 'no data set'}; {path}:NAME with the name of one of them is "
        "wanted, or a single one of rank 3 or more"
    )


def _require_own(chosen: Any, path: Path) -> None:
    """Checks that the numbers of a data set are in the file itself."""
    if chosen.is_virtual or chosen.external:
        raise InputError(
            f"{path}: {chosen.name} keeps its numbers in other files; numbers in the file wanted"
        )


def _copy_others(h5py: Any, source: Any, target: Any, chosen: str) -> None:
    """Copies attributes, groups and data sets, all but the one called `chosen`."""
    _copy_attributes(source, target)
    for name in source:
        link = source.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            target[name] = link  # as it is: what it leads to may lie in another file
            continue
        item = source[name]
        if item.name == chosen:
            continue
        if isinstance(item, h5py.Group) and chosen.startswith(item.name + "/"):
            _copy_others(h5py, item, target.create_group(name), chosen)
        else:
            source.copy(item, target, name)


def _like(target: Any, chosen: Any) -> Any:
    """An empty data set like `chosen`."""
    kept = {
        name: getattr(chosen, name)
        for name in ("chunks", "compression", "compression_opts", "shuffle", "fletcher32")
    }
    if chosen.chunks:
        kept["maxshape"] = chosen.maxshape
    made = target.create_dataset(chosen.name, chosen.shape, chosen.dtype, **kept)
    _copy_attributes(chosen, made)
    return made


def _fill(made: Any, parts: Iterable[np.ndarray]) -> None:
    start = 0
    for part in parts:
        made[start : start + len(part)] = part
        start += len(part)


def _copy_attributes(source: Any, target: Any) -> None:
    target.attrs.update({k: v for k, v in source.attrs.items() if k not in POINTERS})
