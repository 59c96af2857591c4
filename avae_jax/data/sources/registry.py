"""`data.source`: one string -> the reader it names."""

from collections.abc import Callable

from avae_jax.core.errors import InputError
from avae_jax.data.formats.reading import path_of
from avae_jax.data.sources.arrays import read_npy, read_npz
from avae_jax.data.sources.base import Source
from avae_jax.data.sources.digits import read_digits
from avae_jax.data.sources.folder import read_folder
from avae_jax.data.sources.idx import read_idx_folder
from avae_jax.data.sources.solids import read_solids
from avae_jax.data.sources.stack import read_stack
from avae_jax.data.sources.tfds import read_prepared

# None of these imports TensorFlow, tensorflow-datasets or scikit-learn before it is called.
EMBEDDED: dict[str, Callable[[], Source]] = {"digits": read_digits, "solids": read_solids}
ARRAYS: dict[str, Callable[..., Source]] = {"npz": read_npz, "npy": read_npy}
FORMS = "digits, solids, idx:DIR, npz:PATH, npy:PATH, folder:PATH, stack:PATH or tfds:NAME"


def open_source(text: str, *, skip_broken: bool = False, axes: str = "") -> Source:
    """The source that `text` names, e.g. "digits" or "npz:chairs.npz"; `~` is the home folder.

    Args:
        skip_broken: leave out images of a folder that cannot be read.
        axes: what those of an array are, by default as they look.

    Raises:
        InputError: for an unknown form, and for whatever the reader finds wrong.
    """
    kind, colon, rest = text.partition(":")
    if kind in ARRAYS and rest:
        return ARRAYS[kind](path_of(rest), axes)
    if kind == "stack" and rest:
        return read_stack(rest, axes)
    if axes:
        raise InputError(f"data.axes={axes}: means nothing for data.source={text}; leave it out")
    if kind in EMBEDDED and not colon:
        return EMBEDDED[kind]()
    if kind == "folder" and rest:
        return read_folder(path_of(rest), skip_broken=skip_broken)
    if kind == "idx" and rest:
        return read_idx_folder(path_of(rest))
    if kind == "tfds" and rest:
        return read_prepared(rest)
    raise InputError(f"data.source={text!r}: {FORMS} is wanted")
