"""Registry of data sources: `SOURCES` holds the reader of each kind."""

from collections.abc import Callable
from typing import NamedTuple

from avae_jax.config.choices import source_forms
from avae_jax.core.choices import nearest, wanted_instead
from avae_jax.core.errors import InputError
from avae_jax.data.formats.reading import path_of
from avae_jax.data.sources.arrays import refuse_array
from avae_jax.data.sources.base import Source
from avae_jax.data.sources.digits import read_digits
from avae_jax.data.sources.folder import read_folder
from avae_jax.data.sources.idx import read_idx_folder
from avae_jax.data.sources.solids import read_solids
from avae_jax.data.sources.stack import read_stack
from avae_jax.data.sources.tfds import read_prepared


class Reader(NamedTuple):
    """Reader of one kind of source.

    Attributes:
      read: `text after the colon -> Source`. It imports libraries beyond NumPy when it is
        called: TensorFlow and scikit-learn are slow to import.
      argument: name of the text after the colon, for example `PATH`; empty without one.
      skips: whether `read` takes the keyword `skip_broken`.
      axes: whether `read` takes the keyword `axes`.
    """

    read: Callable[..., Source]
    argument: str = ""
    skips: bool = False
    axes: bool = False


SOURCES = {
    "digits": Reader(lambda text: read_digits()),
    "solids": Reader(lambda text: read_solids()),
    "idx": Reader(lambda text: read_idx_folder(path_of(text)), argument="DIR"),
    "npz": Reader(read_stack, argument="PATH", axes=True),
    "npy": Reader(read_stack, argument="PATH", axes=True),
    "folder": Reader(
        lambda text, skip_broken: read_folder(path_of(text), skip_broken=skip_broken),
        argument="PATH",
        skips=True,
    ),
    "stack": Reader(read_stack, argument="PATH", axes=True),
    "tfds": Reader(read_prepared, argument="NAME"),
    "array": Reader(refuse_array, argument="DIGEST"),
}


def open_source(text: str, *, skip_broken: bool = False, axes: str = "") -> Source:
    """The source that `text` names, e.g. "digits" or "npz:chairs.npz"; `~` is the home folder.

    Args:
        skip_broken: leave out images of a folder that cannot be read.
        axes: the letters of `data.axes`, by default from the shape of the array.

    Raises:
        InputError: an unknown kind, and every error of the reader.
    """
    kind, colon, rest = text.partition(":")
    reader = SOURCES.get(kind)
    if reader is None or bool(reader.argument) != bool(rest) or (colon and not rest):
        guess = nearest(kind, SOURCES) if reader is None else ""
        said = wanted_instead(None, source_forms()) + guess
        raise InputError(f"data.source={text!r}: {said}")
    if axes and not reader.axes:
        raise InputError(f"data.axes={axes}: means nothing for data.source={text}; leave it out")
    given = {"skip_broken": skip_broken} if reader.skips else {}
    return reader.read(rest, **given | ({"axes": axes} if reader.axes else {}))
