"""Image files of a folder and its subfolders."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from avae_jax.core.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


# Formats of images that are not read.
OTHERS = (
    *(".gif", ".webp", ".jp2", ".jxl", ".heic", ".avif", ".tga", ".pgm", ".ppm", ".exr"),
    *(".dcm", ".psd", ".jfif", ".jpe"),
)


MOST_FOLDERS = 100_000


# A broken link with such a name pointed to a file; any other broken link perhaps to a folder.
FILE_NAME = re.compile(r"\.[a-zA-Z]+(\.gz)?$")


def image_paths(folder: Path, *, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """The files below `folder` that end in one of `suffixes`, sorted; nothing hidden.

    Links to files and folders are followed.

    Raises:
        InputError: a link to a folder that contains it, a broken link that may have pointed
            to a folder, or a folder without read permission.
    """
    return sorted(path for path in _files(folder) if path.name.lower().endswith(suffixes))


def _files(top: Path) -> Iterator[Path]:
    """All files below `top`, nothing hidden."""
    waiting: list[tuple[Path, tuple[Path, ...]]] = [(top, (top.resolve(),))]
    count = 0
    while waiting:
        folder, above = waiting.pop()
        count += 1
        if count > MOST_FOLDERS:
            raise InputError(f"{top}: more than {MOST_FOLDERS:,} folders, links to one another?")
        for entry in _listed(folder):
            path = folder / entry.name
            if _is_folder(entry):
                waiting.append((path, (*above, _below(path, above))))
            elif entry.is_symlink() and not path.exists() and not FILE_NAME.search(path.name):
                raise InputError(f"{path}: a link that leads nowhere; remove or repair it")
            else:
                yield path


def _is_folder(entry: os.DirEntry) -> bool:
    """Whether an entry is a folder or a link to one; a link to itself is broken."""
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and Path(entry).is_dir())


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listed:
            return [entry for entry in listed if not entry.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}; a folder to be read is wanted") from error


def _below(path: Path, above: tuple[Path, ...]) -> Path:
    """The real path of a folder, if it is not one of the folders `above` it."""
    real = path.resolve()
    if real in above:
        link = next(each for each in (path, *path.parents) if each.is_symlink())
        raise InputError(f"{link}: a link by which {real} contains itself; remove it")
    return real


def left_out(folder: Path) -> tuple[str, ...]:
    """A sentence about images of other formats below `folder`, if any."""
    kinds = Counter(path.suffix.lower() for path in image_paths(folder, suffixes=OTHERS))
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return (f"{folder}: left out {said}; PNG, JPEG, TIFF and BMP are read.",) if said else ()


def other_files(folder: Path) -> str:
    """The files below a folder without images, as part of a message: ` (3 .gif, 1 .txt)`."""
    kinds = Counter(path.suffix.lower() for path in image_paths(folder, suffixes=("",)))
    said = ", ".join(f"{count} {kind or 'without suffix'}" for kind, count in kinds.most_common(3))
    return f" ({said})" if said else ""
