"""`folder:PATH`: a tree of image files, labelled by the folders directly below PATH."""

from pathlib import Path

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.image_files import image_paths, left_out, other_files
from avae_jax.data.formats.pictures import Picture, open_picture, read_image, require_like
from avae_jax.data.formats.reading import require_memory
from avae_jax.data.nodata import of_picture
from avae_jax.data.sources.base import Examples, Source


def read_folder(folder: Path, *, skip_broken: bool = False) -> Source:
    """The PNG, JPEG, TIFF and BMP files below `folder`, in order of their paths.

    Labels are the names of the folders directly below `folder`, if files are in such folders.
    Orientation tags of images are ignored.

    Args:
        skip_broken: read every image once, leave out and count the unreadable ones.

    Raises:
        InputError: no images, or images both inside and outside label folders.
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
        # In the order of the paths, so that the error names the first differing file.
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
    """The image at `path`; if it cannot be read, the error counts the unreadable `paths`."""
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
    """`paths` without unreadable ones, and a message about these, if any.

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
    """The unreadable ones of `paths`, in their order, with the reason."""
    found = {}
    for path in paths:
        try:
            read_image(path)
        except InputError as error:
            found[path] = str(error)
    return found


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
