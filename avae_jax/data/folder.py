"""`folder:PATH`: a tree of image files, labelled by the folders just below PATH."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avae_jax.data.nodata import of_picture
from avae_jax.data.pictures import Picture, open_picture, read_image, require_like
from avae_jax.data.source import Examples, Source, require_memory
from avae_jax.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
# Images too, which are not read.
OTHERS = (
    *(".gif", ".webp", ".jp2", ".jxl", ".heic", ".avif", ".tga", ".pgm", ".ppm", ".exr"),
    *(".dcm", ".psd", ".jfif", ".jpe"),
)
MOST_FOLDERS = 100_000
# A link with such a name that leads nowhere led to a file, any other one maybe to a folder.
FILE_NAME = re.compile(r"\.[a-zA-Z]+(\.gz)?$")


def read_folder(folder: Path, *, skip_broken: bool = False) -> Source:
    """The PNG, JPEG, TIFF and BMP files below `folder`, in order of their paths.

    Labels are the names of the folders just below `folder`, if the files lie in such;
    an image is read as it is stored, without regard to an orientation tag.

    Args:
        skip_broken: read every image once and leave out, counted, what cannot be read.

    Raises:
        InputError: for no images, and images both inside and outside label folders.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder; one with PNG, JPEG or TIFF (or BMP) files is wanted"
        )
    paths = image_paths(folder)
    if not paths:
        came = f"no image in it{other_files(folder)}"
        raise InputError(f"{folder}: {came}; PNG, JPEG or TIFF (or BMP) files are wanted")
    paths, skipped = _readable(paths) if skip_broken else (paths, ())
    labels, names = _labels(folder, paths)
    first, _ = _read_among(paths[0], paths)

    def read(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        require_memory(
            str(folder), (len(indices), *first.shape), 4, way_out="set data.limit to read fewer"
        )
        images = np.empty((len(indices), *first.shape), first.dtype)
        # In the order of the paths, so that the odd file that is named is the first.
        for place in np.argsort(indices):
            path = paths[indices[place]]
            picture, pixels = _read_among(path, [paths[index] for index in np.sort(indices)])
            require_like(picture, first)
            images[place] = pixels
        return images, None if labels is None else labels[indices]

    note = f"{len(paths)} image files, the first {paths[0].relative_to(folder)}."
    notes, nodata = (note, *left_out(folder), *skipped), of_picture(paths[0])
    return Source(Examples(len(paths), read), None, names, notes, nodata=nodata)


def _read_among(path: Path, paths: list[Path]) -> tuple[Picture, np.ndarray]:
    """The image at `path`; where it cannot be read, counts those of `paths` that cannot."""
    try:
        with open_picture(path) as picture:
            return picture, picture.read()
    except InputError:
        broken = _broken(paths)
        first = next(iter(broken.values()))
        raise InputError(
            f"{first}; of {len(paths)} images read {len(broken)} are broken, "
            "data.skip_broken=true leaves them out"
        ) from None


def _readable(paths: list[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """`paths` without those that cannot be read, and a sentence about these, if any.

    Raises:
        InputError: none can be read.
    """
    broken = _broken(paths)
    if not broken:
        return paths, ()
    said, first = f"{len(broken)} of {len(paths)} image files", next(iter(broken.values()))
    if len(broken) == len(paths):
        raise InputError(f"{first}; {said} are broken, images that can be read are wanted")
    kept = [path for path in paths if path not in broken]
    return kept, (f"Left out as broken: {said}, the first {first}.",)


def _broken(paths: list[Path]) -> dict[Path, str]:
    """Those of `paths` that cannot be read, in their order, and why."""
    found = {}
    for path in paths:
        try:
            read_image(path)
        except InputError as error:
            found[path] = str(error)
    return found


def image_paths(folder: Path, *, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """The files below `folder` that end in one of `suffixes`, sorted; nothing hidden.

    Links to files and folders are followed.

    Raises:
        InputError: a link to a folder that it lies in, or one that leads nowhere and may have
            led to a folder.
    """
    return sorted(path for path in _files(folder) if path.name.lower().endswith(suffixes))


def _files(top: Path) -> Iterator[Path]:
    """All files below `top`, nothing hidden."""
    waiting, count = [(top, (top.resolve(),))], 0
    while waiting:
        folder, above = waiting.pop()
        count += 1
        if count > MOST_FOLDERS:
            raise InputError(f"{top}: more than {MOST_FOLDERS:,} folders, links to one another?")
        with os.scandir(folder) as listed:
            entries = [entry for entry in listed if not entry.name.startswith(".")]
        for entry in entries:
            path = folder / entry.name
            if entry.is_dir():
                waiting.append((path, (*above, _below(path, above))))
            elif entry.is_symlink() and not path.exists() and not FILE_NAME.search(path.name):
                raise InputError(f"{path}: a link that leads nowhere; remove it or mend it")
            else:
                yield path


def _below(path: Path, above: tuple[Path, ...]) -> Path:
    """What a folder really is, if it is none of those `above` it."""
    real = path.resolve()
    if real in above:
        link = next(each for each in (path, *path.parents) if each.is_symlink())
        raise InputError(f"{link}: a link by which {real} lies in itself; remove it")
    return real


def left_out(folder: Path) -> tuple[str, ...]:
    """A sentence about images of other formats below `folder`, if any."""
    kinds = Counter(path.suffix.lower() for path in image_paths(folder, suffixes=OTHERS))
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return (f"{folder}: left out {said}; PNG, JPEG, TIFF and BMP are read.",) if said else ()


def other_files(folder: Path) -> str:
    """What lies below a folder without images, as part of a sentence: ` (3 .gif, 1 .txt)`."""
    kinds = Counter(path.suffix.lower() for path in image_paths(folder, suffixes=("",)))
    said = ", ".join(f"{count} {kind or 'without suffix'}" for kind, count in kinds.most_common(3))
    return f" ({said})" if said else ""


def _labels(folder: Path, paths: list[Path]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    inner = [path.relative_to(folder).parts for path in paths]
    loose = [path for path, parts in zip(paths, inner, strict=True) if len(parts) == 1]
    if len(loose) == len(paths):
        return None, ()
    if loose:
        raise InputError(
            f"{loose[0]}: lies beside folders that hold images too; "
            "either all images in label folders or none are wanted"
        )
    names, labels = np.unique([parts[0] for parts in inner], return_inverse=True)
    return labels.astype(np.int32), tuple(str(name) for name in names)
