"""A trained model as one file: an npz of its arrays by name and its config as text, no pickle.

config         the JSON of config.json
frame          the JSON of frame.json: shape and fill of the examples
params/...     the weights, met the recent latent codes, head/... the pose head where there is one
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from avae_jax.config import files
from avae_jax.config.options import Options
from avae_jax.core.atomic_files import fresh
from avae_jax.core.errors import InputError
from avae_jax.core.types import PyTree
from avae_jax.training.checkpoint_seal import x64_hint

# The entry that identifies these files, and its value.
KIND, VERSION = "avae_jax", 1


class Packed(NamedTuple):
    """The contents of a file: the options, shape and fill of the examples, and arrays by name."""

    options: Options
    frame: Any
    arrays: dict[str, np.ndarray]


def write(
    path: Path,
    options: Options,
    frame: Mapping[str, Any],
    tree: PyTree,
    *,
    half: bool = False,
) -> None:
    """Writes `tree`, a pytree of arrays, and what is needed to use it; whole or not at all.

    Args:
      half: numbers of 32 bits are written with 16, which takes half the room.

    Raises:
      InputError: `path` exists, or cannot be written.
    """
    kept = jax.device_get(tree)
    texts = {"config": files.to_dict(options), "frame": dict(frame)}
    arrays = {name: np.array(json.dumps(text, allow_nan=False)) for name, text in texts.items()}
    arrays |= {name: _narrow(leaf) if half else leaf for name, leaf in named(kept).items()}
    with fresh(path) as file:
        np.savez(file, **{KIND: np.array(VERSION)}, **arrays)


def read(path: Path) -> Packed:
    """The contents of a file of `write`.

    Raises:
      InputError: another kind of file, a damaged one, or one of a later version.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
            version = int(arrays.pop(KIND))
            texts = {name: json.loads(str(arrays.pop(name))) for name in ("config", "frame")}
    except OSError as error:
        raise InputError(f"{path}: cannot be read, {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{path}: of another kind, or damaged; wanted a file of `Posed.save` or `avae_jax.pack`"
        ) from error
    if version > VERSION:
        raise InputError(f"{path}: of version {version}, this avae_jax reads {VERSION} and before")
    try:
        options = files.from_dict(texts["config"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return Packed(options, texts["frame"], arrays)


def _widened(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _narrow(leaf: np.ndarray) -> np.ndarray:
    return leaf.astype(np.float16) if leaf.dtype == np.float32 else leaf


def named(tree: PyTree) -> dict[str, Any]:
    """The leaves of `tree` by path, for example `params/params/encoder/Dense_0/kernel`."""
    leaves, _ = jax.tree.flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def like(template: PyTree, arrays: Mapping[str, np.ndarray], *, path: Path) -> PyTree:
    """`arrays` in the structure of `template`.

    Raises:
      InputError: names, shapes or types differ from `template`.
    """
    arrays = {name: _widened(array) for name, array in arrays.items()}
    wanted = {name: (leaf.shape, leaf.dtype) for name, leaf in named(template).items()}
    held = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    other = sorted(name for name in {*wanted, *held} if wanted.get(name) != held.get(name))
    if other:
        here, there = (_shown(side.get(other[0])) for side in (held, wanted))
        said = f"holds {here} at {other[0]} where {there} is wanted"
        raise InputError(f"{path}: {said}{x64_hint(said)}")
    return jax.tree.unflatten(jax.tree.structure(template), [arrays[name] for name in wanted])


def _shown(kind: tuple | None) -> str:
    return "nothing" if kind is None else f"{kind[1]}{list(kind[0])}"
