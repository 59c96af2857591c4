"""Folders of images, read and written again."""

import numpy as np

from avae_jax.alignment.trial_write import require_writable
from avae_jax.data.formats import open_stack
from avae_jax.data.sources.folder import read_folder

COUNT = 3
PROFILE = bytes(range(256)) * 3


def numbers(shape, dtype, *, seed=0):
    """Over the whole range of the type, negative numbers and the largest included."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    if dtype.kind == "f":
        made = rng.normal(0, 100, shape).astype(dtype)
    elif dtype.kind == "b":
        made = rng.random(shape) < 0.5
    else:
        info = np.iinfo(dtype)
        made = rng.integers(info.min, info.max, shape, dtype.newbyteorder("="), endpoint=True)
        made.flat[:2] = info.min, info.max
    return made.astype(dtype)


def folder_of(tmp_path, suffix, make):
    """`make(path, index)` for each of the files."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for index in range(COUNT):
        make(folder / f"{index}{suffix}", index)
    return folder


def unchanged(folder):
    """What is read of a folder, the folder that is written of it, and what is said."""
    with open_stack(str(folder)) as stack:
        values = stack.read(0, COUNT)
        assert values.shape == stack.shape and values.dtype == stack.dtype
        require_writable(stack, folder.parent)
        target = folder.with_name("made")
        target.mkdir()
        stack.write(target, iter([values[:2], values[2:]]))
        return values, target, stack.notes


def trained_on(folder):
    """The same files as `folder:` reads them, before they become float32."""
    return read_folder(folder).train.read(np.arange(COUNT))[0]


def files(folder):
    return sorted(folder.iterdir())


GREY, RGB, RGBA = (9, 7), (9, 7, 3), (9, 7, 4)


KEPT = ("photometric", "compression", "predictor", "resolution", "resolutionunit", "description")
KEPT += ("software", "extrasamples", "planarconfig", "iccprofile", "byteorder")


def raw(tiff, code):
    """The bytes of a tag of the first page."""
    tag = tiff.pages[0].tags.get(code)
    if tag is None:
        return None
    tiff.filehandle.seek(tag.valueoffset)
    return tiff.filehandle.read(tag.valuebytecount)


SMOOTH = (np.add.outer(np.arange(24), np.arange(16)) * 5).astype(np.uint8)
JPEGS = {
    "L": (SMOOTH[..., None], {}),
    "RGB": (np.stack([SMOOTH, 255 - SMOOTH, SMOOTH // 2], -1), {}),
    "CMYK": (np.stack([SMOOTH, 255 - SMOOTH, SMOOTH // 2, SMOOTH // 3], -1), {}),
    "RGB, words": (np.stack([SMOOTH] * 3, -1), {"comment": "Größe".encode()}),
}
