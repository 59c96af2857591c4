"""A trained model as one file: an npz of its arrays by name and its config as text, no pickle.

config         the JSON of config.json
frame          the JSON of frame.json: shape and fill of the examples
calibration    JSON, the calibration that the evaluation found, from version 2 on; may be absent
params/...     the weights, met the recent latent codes, head/... the pose head where there is one
"""

import json
import zipfile
from collections.abc import Callable, Mapping
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
KIND, VERSION = "avae_jax", 2
TEXTS = ("config", "frame", "calibration")
MOST_PIXELS = 2**14  # of a side


class Packed(NamedTuple):
    """The contents of a file.

    Attributes:
      frame: shape and fill of the examples.
      calibration: of stated uncertainties, `None` if the file has none.
      arrays: by name.
    """

    options: Options
    frame: Any
    calibration: Any
    arrays: dict[str, np.ndarray]


def write(
    path: Path,
    options: Options,
    frame: Mapping[str, Any],
    tree: PyTree,
    *,
    calibration: Mapping[str, float] | None = None,
    half: bool = False,
) -> None:
    """Writes `tree`, a pytree of arrays, and what is needed to use it; whole or not at all.

    Args:
      calibration: of stated uncertainties, where an evaluation found one. Without it the file is
        of version 1.
      half: numbers of 32 bits are written with 16, which takes half the room.

    Raises:
      InputError: `path` exists, or cannot be written.
    """
    kept = jax.device_get(tree)
    texts = {"config": files.to_dict(options), "frame": dict(frame)}
    texts |= {"calibration": dict(calibration)} if calibration else {}
    arrays = {name: np.array(json.dumps(text, allow_nan=False)) for name, text in texts.items()}
    arrays |= {name: _narrow(leaf) if half else leaf for name, leaf in named(kept).items()}
    with fresh(path) as file:
        np.savez(file, **{KIND: np.array(VERSION if calibration else 1)}, **arrays)


def read(path: Path) -> Packed:
    """The contents of a file of `write`.

    Raises:
      InputError: another kind of file, a damaged one, or one of a later version.
    """
    arrays, texts = _entries(path, lambda name: True)
    try:
        options = files.from_dict(texts["config"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return Packed(options, texts["frame"], texts.get("calibration"), arrays)


def read_calibration(path: Path) -> Any:
    """The calibration in a file, `None` if it has none; errors as for `read`."""
    return _entries(path, (*TEXTS, KIND).__contains__)[1].get("calibration")


def _entries(
    path: Path, wanted: Callable[[str], bool]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The wanted arrays of a file, and its texts.

    Raises:
      InputError: as for `read`.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if wanted(name)}
            version = int(arrays.pop(KIND))
            found = [name for name in TEXTS if name in arrays or name != "calibration"]
            texts = {name: json.loads(str(arrays.pop(name))) for name in found}
    except OSError as error:
        raise InputError(f"{path}: cannot be read, {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{path}: of another kind, or damaged; wanted a file of `Posed.save` or `avae_jax.pack`"
        ) from error
    if version > VERSION:
        raise InputError(f"{path}: of version {version}, this avae_jax reads {VERSION} and before")
    return arrays, texts


def is_frame(value: Any) -> bool:
    """Whether `value` holds a valid shape and fill."""
    if not isinstance(value, dict) or set(value) != {"shape", "fill"}:
        return False
    shape, fill = value["shape"], value["fill"]
    sound = isinstance(shape, list) and len(shape) in (3, 4) and all(map(_is_side, shape))
    sound = sound and isinstance(fill, list) and len(fill) == shape[-1]
    return sound and all(isinstance(number, float) for number in fill)


def _is_side(value: Any) -> bool:
    """Whether `value` is a valid number of pixels of a side."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_PIXELS


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
