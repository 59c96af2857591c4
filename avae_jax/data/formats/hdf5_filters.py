"""Filters of HDF5 data sets, and the plug-ins that they need."""

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from avae_jax.core.errors import InputError

PLUGIN = "hdf5plugin"
# Filters by their number in the registry of the HDF Group; filters of the plug-in are marked.
KNOWN = {
    4: ("szip", False),
    305: ("LZO", False),
    307: ("bzip2", True),
    32000: ("LZF", False),
    32001: ("Blosc", True),
    32004: ("LZ4", True),
    32008: ("Bitshuffle", True),
    32013: ("ZFP", True),
    32015: ("Zstandard", True),
    32017: ("SZ", True),
    32018: ("FCIDECOMP", True),
    32024: ("SZ3", True),
    32026: ("Blosc2", True),
    32028: ("SPERR", True),
}


class Filter(NamedTuple):
    """One step of the compression of a data set.

    Attributes:
      place: index among the steps.
      number: in the registry.
      said: name of the filter in the file.
    """

    place: int
    number: int
    said: str


@contextlib.contextmanager
def unpacking(h5py: Any, chosen: Any, name: str) -> Iterator[None]:
    """Context that names a missing plug-in if `chosen` cannot be read or written without it.

    Args:
      name: of the data set, for the message.

    Raises:
      InputError: names the compression and the package that provides it.
    """
    try:
        yield
    except OSError:
        _refuse(_missing(h5py, chosen), name)
        raise


def require_filters(h5py: Any, chosen: Any, name: str) -> None:
    """Checks that the filters of a data set are available; loads the plug-in if it is installed.

    Raises:
      InputError: as for `unpacking`.
    """
    if not _missing(h5py, chosen):
        return
    with contextlib.suppress(ImportError):
        importlib.import_module(PLUGIN)
    missing = _missing(h5py, chosen)
    if missing and chosen.id.get_num_chunks():
        # Bit i is set if filter i was skipped for this chunk.
        left_out = chosen.id.get_chunk_info(0).filter_mask
        missing = [each for each in missing if not left_out >> each.place & 1]
        _refuse(missing, name)


def _missing(h5py: Any, chosen: Any) -> list[Filter]:
    """The filters of a data set that are not available."""
    listed = chosen.id.get_create_plist()
    found = []
    for place in range(listed.get_nfilters()):
        number, _, _, said = listed.get_filter(place)
        if not h5py.h5z.filter_avail(number):
            found.append(Filter(place, number, said.decode(errors="replace")))
    return found


def _refuse(missing: list[Filter], name: str) -> None:
    if missing:
        raise InputError(f"{name}: {'; '.join(map(_sentence, missing))}")


def _sentence(missing: Filter) -> str:
    name, plugin = KNOWN.get(missing.number, (missing.said or "unknown", False))
    way_out = f"run pip install {PLUGIN}" if plugin else "a copy by h5repack -f GZIP=4 is wanted"
    return (
        f"compressed by the HDF5 filter {name} ({missing.number}), which is not installed; "
        f"{way_out}"
    )
