"""The seal of a checkpoint: digests of its files, shapes of its arrays, its loss.

Orbax detects a truncated file, but not a changed byte.
"""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import jax

from avae_jax.core import strict_json
from avae_jax.core.types import PyTree

NAME = "seal.json"
# Format version of a checkpoint; version 0.1.0 wrote none.
FORMAT = 2


def write(folder: Path, arrays: dict[str, str], loss: float | None) -> None:
    """Seals the checkpoint in `folder`, which holds the `arrays` of `description`."""
    seal = {"format": FORMAT, "arrays": arrays, "files": _digests(folder), "loss": loss}
    (folder / NAME).write_text(json.dumps(seal))


def losses(folder: Path, steps: list[int]) -> dict[int, float]:
    """The losses in the seals, by step."""
    found = {}
    for step in steps:
        with contextlib.suppress(OSError, ValueError):
            found[step] = _read(folder / str(step)).get("loss")
    return {step: loss for step, loss in found.items() if isinstance(loss, float)}


def description(state: PyTree) -> dict[str, str]:
    """Type and shape of every array of `state` by its path."""
    leaves, _ = jax.tree.flatten_with_path(state)
    return {jax.tree_util.keystr(path): f"{leaf.dtype}{leaf.shape}" for path, leaf in leaves}


def _digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in the folders of `folder`, by its relative name.

    The files directly in `folder` belong to Orbax, which still changes them.
    """
    found = {}
    for path in sorted(folder.glob("*/**/*")):
        if path.is_file():
            with path.open("rb") as file:
                name = str(path.relative_to(folder))
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def find_damage(folder: Path) -> str | None:
    """The damage of the checkpoint in `folder`, as a sentence; `None` if it is undamaged."""
    try:
        sealed, found = _read(folder)["files"], _digests(folder)
    except (OSError, ValueError) as error:
        return f"{NAME} cannot be read, {error}"
    changed = [name for name in sorted({*sealed, *found}) if found.get(name) != sealed.get(name)]
    return f"{changed[0]} is truncated, garbled or gone" if changed else None


def arrays_in(folder: Path) -> dict[str, str]:
    """The `description` of the state in `folder`, an undamaged checkpoint."""
    return _read(folder)["arrays"]


def find_mismatch(folder: Path, wanted: dict[str, str]) -> str | None:
    """The difference between the arrays in `folder` and `wanted`; `None` if there is none."""
    arrays = arrays_in(folder)
    other = [path for path in sorted({*arrays, *wanted}) if arrays.get(path) != wanted.get(path)]
    if not other:
        return None
    held, needed = arrays.get(other[0], "nothing"), wanted.get(other[0], "nothing")
    said = f"holds {held} at {other[0]} where {needed} is wanted"
    return said + x64_hint(said)


def x64_hint(mismatch: str) -> str:
    """What to add to a sentence about arrays of 32 and of 64 bits."""
    if "float64" not in mismatch:
        return ""
    state = "is" if jax.config.jax_enable_x64 else "is not"  # type: ignore[attr-defined]
    return f"; JAX_ENABLE_X64 {state} set here"


def _read(folder: Path) -> dict:
    """The seal of a checkpoint.

    Raises:
      ValueError: not a seal.
    """
    seal = strict_json.read(folder / NAME)
    if not (isinstance(seal, dict) and all(_names(seal.get(part)) for part in ("arrays", "files"))):
        raise ValueError("not the digests and shapes of a checkpoint")
    version = seal.get("format", 1)
    if not isinstance(version, int) or version > FORMAT:
        raise ValueError(f"of format {version}, this avae_jax reads up to {FORMAT}")
    return seal


def _names(value: Any) -> bool:
    """Whether `value` is a JSON object of texts."""
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
