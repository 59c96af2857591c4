"""List of the files that an alignment wrote; only these are ever deleted.

files.json       path relative to the output -> size and SHA-256 of each file
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from avae_jax.core import strict_json
from avae_jax.core.atomic_files import whole
from avae_jax.core.errors import InputError

NAME = "files.json"
FEW = 3  # names in a sentence
LONGEST = 255  # bytes of a name of a file


class Written(NamedTuple):
    """Size and digest of a file when it was written."""

    size: int
    sha256: str


def is_inside(name: str) -> bool:
    """Whether `name` is a valid relative path that stays in its folder."""
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\0" in name:
        return False
    try:
        return all(len(os.fsencode(part)) <= LONGEST for part in parts)
    except UnicodeEncodeError:
        return False


def load(folder: Path) -> dict[str, Written]:
    """The files that alignments wrote into `folder`; none if the list is absent or garbled."""
    listed = strict_json.read_or_none(folder / NAME)
    if not _is_list(listed):
        return {}
    return {name: Written(*entry) for name, entry in listed.items() if is_inside(name)}


def _is_list(value: Any) -> bool:
    """Whether a JSON value has the form that `save` writes."""
    return isinstance(value, dict) and all(
        isinstance(entry, list) and list(map(type, entry)) == [int, str] for entry in value.values()
    )


def require_own_list(folder: Path) -> None:
    """Checks that the file with the name of the list is a list, not a user's file.

    Raises:
      InputError: it is not, or is garbled.
    """
    path = folder / NAME
    if path.is_symlink() or (path.exists() and not _is_list(strict_json.read_or_none(path))):
        raise InputError(
            f"output {folder}: holds {NAME}, which no alignment wrote or which is garbled; move it "
            "away or choose another directory"
        )


def save(folder: Path, files: Mapping[str, Written]) -> None:
    """Writes the list, whole or not at all."""
    with whole(folder / NAME) as file:
        file.write((json.dumps(files, indent=1) + "\n").encode())


def describe(path: Path) -> Written:
    """Present size and digest of the file at `path`."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Written(path.stat().st_size, digest)


def is_unchanged(folder: Path, name: str, written: Written) -> bool:
    """Whether a regular file, not behind a link, is unchanged since it was written."""
    path = folder / name
    if leads_out(folder, name):
        return False
    if path.is_symlink() or not path.is_file() or path.stat().st_size != written.size:
        return False
    return describe(path) == written


def leads_out(folder: Path, name: str) -> bool:
    """Whether a folder between `folder` and its file `name` is a link."""
    return any((folder / parent).is_symlink() for parent in PurePosixPath(name).parents[:-1])


def remove(folder: Path, names: Iterable[str]) -> None:
    """Deletes the files `names` of `folder`, and their folders if these are then empty.

    Files behind a link to a folder stay.
    """
    for name in names:
        if leads_out(folder, name):
            continue
        path = folder / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        for parent in PurePosixPath(name).parents:
            remove_empty(folder / parent, within=folder)


def remove_empty(path: Path, *, within: Path) -> None:
    """Deletes the folder `path` if it is empty and not `within` itself."""
    if path != within and path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        path.rmdir()


def require_unchanged(folder: Path, files: Mapping[str, Written]) -> None:
    """Checks that the existing ones of `files` are unchanged since they were written.

    Raises:
      InputError: names changed files.
    """
    there = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    changed = [name for name in there if not is_unchanged(folder, name, files[name])]
    if changed:
        raise InputError(
            f"output {folder}: {some(changed)} changed since an alignment wrote it; "
            "move it away or choose another directory"
        )


def require_no_links(folder: Path, names: Iterable[str]) -> None:
    """Checks that none of the files and folders `names` is a link.

    Raises:
      InputError: names the links.
    """
    links = [name for name in names if (folder / name).is_symlink()]
    if links:
        raise InputError(f"output {folder}: {some(links)} is a link; move it away")


def require_vacant(folder: Path, names: Iterable[str]) -> None:
    """Checks that no file, link or folder is in the places of the files `names`.

    Raises:
      InputError: names the entries there, which no alignment wrote.
    """
    taken = [name for name in names if _is_taken(folder, name)]
    if taken:
        raise InputError(
            f"output {folder}: holds {some(taken)}, which no alignment wrote or which is not "
            f"listed in its {NAME}; move it away or choose another directory"
        )


def _is_taken(folder: Path, name: str) -> bool:
    path = folder / name
    if path.exists() or path.is_symlink():
        return True
    # A file or a link in the place of a new folder.
    between = [folder / parent for parent in PurePosixPath(name).parents][:-1]
    return any(each.is_symlink() or each.is_file() for each in between)


def some(names: Iterable[str]) -> str:
    """The first of some names, for a sentence."""
    names = list(names)
    more = f" and {len(names) - FEW:,} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more
