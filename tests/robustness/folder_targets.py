"""Whole folders, tables of images and arrangements of HDF5 that are fuzzed."""

import warnings
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import tifffile
from PIL import Image

IMAGES = (np.random.default_rng(0).random((6, 8, 9)) * 250).astype(np.uint8)
BLOCK = 512  # bytes before HDF5 begins, as MATLAB writes them


def make_folder(folder: Path) -> None:
    """PNG and TIFF images in folders of labels, with a link to another folder and a note."""
    for number, image in enumerate(IMAGES):
        label = folder / f"label{number % 2}"
        label.mkdir(exist_ok=True)
        if number % 2:
            tifffile.imwrite(label / f"{number}.tif", image)
        else:
            Image.fromarray(image).save(label / f"{number}.png")
    (folder / "label2").symlink_to("label0")
    (folder / "notes.txt").write_text("of the user")


def make_star(folder: Path) -> None:
    """A STAR file as of RELION 3.1, and its stack."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mrcfile.new(folder / "x.mrcs", IMAGES.astype(np.int16)) as file:
            file.set_image_stack()
    rows = "".join(f"{number + 1:06d}@x.mrcs {number}.5 1\n" for number in range(len(IMAGES)))
    (folder / "p.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnImagePixelSize #2\n1 1.5\n\n"
        "data_particles\n\nloop_\n_rlnImageName #1\n_rlnAnglePsi #2\n_rlnOpticsGroup #3\n" + rows
    )


def make_numbered(folder: Path) -> None:
    """A data set for each image, as EMAN2 writes them."""
    with h5py.File(folder / "x.hdf", "w") as file:
        for number, image in enumerate(IMAGES):
            file[f"MDF/images/{number}/image"] = image


def make_after_block(folder: Path) -> None:
    """HDF5 behind a user block, as MATLAB 7.3 writes it."""
    with h5py.File(folder / "x.mat", "w", userblock_size=BLOCK) as file:
        file["images"] = IMAGES
    with (folder / "x.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(BLOCK))


def make_volumes(folder: Path) -> None:
    """A volume a file."""
    for number in range(3):
        values = np.random.default_rng(number).random((5, 6, 7)).astype(np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mrcfile.write(folder / f"{number}.mrc", values)
