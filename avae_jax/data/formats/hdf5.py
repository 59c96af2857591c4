"""Stacks in HDF5 files: `FILE:DATASET`, or the only data set that can be a stack.

A result is a copy of the file with new numbers in the data set: references between objects,
links, attributes and everything else do not change. MATLAB files are HDF5 after a block of
MATLAB's own, which is kept too.
"""

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.hdf5_filters import require_filters, unpacking
from avae_jax.data.formats.hdf5_numbered import EMAN, Numbered, numbered, read_one, write_one
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.reading import reading
from avae_jax.data.formats.stack import Stack
from avae_jax.data.nodata import of_attributes

# The attribute by which MATLAB marks its arrays; their axes are in reverse order.
MATLAB = "MATLAB_class"
LISTED = 8  # names in a message


@contextlib.contextmanager
def open_hdf5(path: Path, member: str = "") -> Iterator[Stack]:
    """One data set of an HDF5 file, or data sets of one image each.

    Args:
      member: the name of a data set, or of a group that holds one stack.

    Raises:
      InputError: no such data set, several without a name, numbers in other files, or a
        plug-in that is not installed.
    """
    h5py = library("h5py", str(path))
    with contextlib.ExitStack() as opened:
        with reading(path, "HDF5 file"):
            file = opened.enter_context(h5py.File(path, "r"))
            found = _choose(h5py, file, member.strip("/"), path)
            if isinstance(found, Numbered):
                stack = _of_many(h5py, file, path, found, member)
            else:
                stack = _of_one(h5py, file, path, found)
        yield stack


def _of_one(h5py: Any, file: Any, path: Path, name: str) -> Stack:
    """The examples along the first axis of a data set."""
    chosen = file[name]
    name = chosen.name
    _require_own(h5py, chosen, path)
    # This reversal is its own inverse.
    order = (0, *range(chosen.ndim - 1, 0, -1)) if MATLAB in chosen.attrs else None

    def read(start: int, stop: int) -> np.ndarray:
        with reading(path, "HDF5 file"), unpacking(h5py, chosen, f"{path}: {name}"):
            part = chosen[start:stop]
        return part if order is None else part.transpose(order)

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        shutil.copyfile(path, target)
        start = 0
        with h5py.File(target, "r+") as made, unpacking(h5py, chosen, f"{path}: {name}"):
            for part in parts:
                values = part if order is None else part.transpose(order)
                made[name][start : start + len(part)] = values
                start += len(part)

    shape = chosen.shape if order is None else tuple(chosen.shape[axis] for axis in order)
    more: dict[str, Any] = {"member": name, "choice": name, "nodata": of_attributes(chosen.attrs)}
    return Stack(path, shape, chosen.dtype, read, write, **more)


def _of_many(h5py: Any, file: Any, path: Path, found: Numbered, member: str) -> Stack:
    """The examples of data sets that hold one example each."""
    for name in found.names:
        _require_own(h5py, file[name], path)

    def read(start: int, stop: int) -> np.ndarray:
        made = np.empty((stop - start, *found.shape), found.dtype)
        for place, name in enumerate(found.names[start:stop]):
            with reading(path, "HDF5 file"), unpacking(h5py, file[name], f"{path}: {name}"):
                made[place] = read_one(file[name], found)
        return made

    def write(target: Path, parts: Iterable[np.ndarray]) -> None:
        shutil.copyfile(path, target)
        examples = (example for part in parts for example in part)
        first = file[found.names[0]]
        with h5py.File(target, "r+") as made, unpacking(h5py, first, f"{path}: {first.name}"):
            for example, name in zip(examples, found.names, strict=True):
                write_one(made[name], example)

    shape = (len(found.names), *found.shape)
    nodata = of_attributes(file[found.names[0]].attrs)
    more: dict[str, Any] = {"member": found.folder, "choice": member, "nodata": nodata}
    return Stack(path, shape, found.dtype, read, write, **more)


def _choose(h5py: Any, file: Any, member: str, path: Path) -> str | Numbered:
    found: dict[str, Any] = {}
    file.visititems(
        lambda name, item: found.update({name: item} if isinstance(item, h5py.Dataset) else {})
    )
    if _is_data_set(h5py, file, member):
        return member
    inside = {
        name: item
        for name, item in found.items()
        # MATLAB's internal tables have names that begin with #.
        if not name.startswith("#") and (not member or name.startswith(member + "/"))
    }
    numeric = {name: item for name, item in inside.items() if item.dtype.kind in "biuf"}
    stacks = [name for name, item in numeric.items() if item.ndim >= 3]
    if len(stacks) == 1 and not stacks[0].startswith(EMAN):
        return stacks[0]
    many = numbered(numeric, stacks, path)
    if many:
        return many
    listed = [f"{name} {item.shape} {item.dtype}" for name, item in found.items()]
    more = f" and {len(listed) - LISTED:,} more" if len(listed) > LISTED else ""
    raise InputError(
        f"{path}: holds {', '.join(listed[:LISTED]) or 'no data set'}{more}; {path}:NAME with the "
        "name of one of them is wanted, or a single one of rank 3 or more"
    )


def _is_data_set(h5py: Any, file: Any, name: str) -> bool:
    """Whether `name` is a data set, reached without soft or external links."""
    item = file
    for part in name.split("/"):
        group = isinstance(item, h5py.Group)
        if not group or not isinstance(item.get(part, getlink=True), h5py.HardLink):
            return False
        item = item[part]
    return isinstance(item, h5py.Dataset)


def _require_own(h5py: Any, chosen: Any, path: Path) -> None:
    """Checks that a data set stores its numbers in the file itself."""
    if chosen.is_virtual or chosen.external:
        raise InputError(
            f"{path}: {chosen.name} keeps its numbers in other files; numbers in the file wanted"
        )
    require_filters(h5py, chosen, f"{path}: {chosen.name}")
