"""What is fuzzed: for each kind a small sound file, and how the package reads such a file."""

import gzip
import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import imagecodecs
import jax.numpy as jnp
import mrcfile
import nibabel
import numpy as np
import tifffile
import trimesh
from PIL import Image

from avae_jax.alignment.output_dir import claimed
from avae_jax.config import files
from avae_jax.config.options import DataOptions, Options
from avae_jax.data import load
from avae_jax.data.formats import blocks, open_stack
from avae_jax.data.sources.idx import FILES
from avae_jax.training import checkpoint_seal
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.restore import frame_in
from avae_jax.training.workdir import WorkDir, seconds_of
from tests.robustness import folder_targets, output_targets
from tests.robustness.tree_mutations import changed_star, changed_tree

COUNT = 6
IMAGES = (np.random.default_rng(0).random((COUNT, 8, 9)) * 250).astype(np.uint8)
VOLUMES = (np.random.default_rng(1).random((COUNT, 5, 6, 7))).astype(np.float32)
STATE = {"w": jnp.ones((3, 4)), "b": jnp.zeros(4)}
JOB = {"input": "x.npy", "contents": "00"}


class Target(NamedTuple):
    """One kind of file.

    Attributes:
      make: writes everything that belongs together into an empty folder.
      file: the one that is changed, relative to the folder.
      read: reads what lies in the folder, as the package does.
      change: changes the folder in its own way, instead of the bytes of `file`.
      ours: whether a file of this name and content may go or change.
    """

    make: Callable[[Path], None]
    file: str
    read: Callable[[Path], None]
    change: Callable[[Path, random.Random], None] | None = None
    ours: Callable[[str, bytes], bool] = lambda name, content: False


def _source(kind: str, name: str = "") -> Callable[[Path], None]:
    """Reads through the loader, as for training."""

    def read(folder: Path) -> None:
        load(DataOptions(source=f"{kind}:{folder / name}"), seed=0)

    return read


def _stack(name: str) -> Callable[[Path], None]:
    """Reads and writes as aligning does, and loads as for training."""

    def read(folder: Path) -> None:
        target = folder.parent / "written"
        if (folder / name).is_dir():
            target.mkdir(exist_ok=True)
        with open_stack(str(folder / name)) as stack:
            parts = [stack.read(*block) for block in blocks(stack.shape[0], 4)]
            if stack.move:
                stack.move(target, [np.eye(4)] * stack.shape[0])
            else:
                stack.write(target, parts)
        load(DataOptions(source=f"stack:{folder / name}"), seed=0)

    return read


def _idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def _make_idx(folder: Path) -> None:
    for images, labels in FILES.values():
        (folder / images).write_bytes(_idx(IMAGES))
        (folder / labels).write_bytes(_idx(np.arange(COUNT, dtype=np.uint8)))


def _make_hdf5(folder: Path) -> None:
    with h5py.File(folder / "x.h5", "w") as file:
        made = file.create_dataset("a/images", data=IMAGES, chunks=(2, 8, 9), compression="gzip")
        made.attrs["unit"] = "nm"
        file["labels"] = np.arange(COUNT)


def _make_mrc(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mrcfile.write(folder / "x.mrcs", IMAGES.astype(np.int16))


def _make_images(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for number, image in enumerate(IMAGES[:3]):
            (folder / f"label{number}").mkdir()
            Image.fromarray(image).save(folder / f"label{number}" / name)

    return make


def _make_deep(name: str) -> Callable[[Path], None]:
    """Colours of 16 bits, with words."""
    colours = np.stack([IMAGES.astype(np.uint16) * 257] * 3, -1)

    def make(folder: Path) -> None:
        for number, image in enumerate(colours[:3]):
            (folder / f"label{number}").mkdir()
            path = folder / f"label{number}" / name
            if name.endswith("png"):
                path.write_bytes(imagecodecs.png_encode(image))
            else:
                how = {"compression": "lzw", "predictor": True, "description": "words"}
                tifffile.imwrite(path, image, photometric="rgb", resolution=(3, 4), **how)

    return make


def _nifti(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        nibabel.save(nibabel.Nifti1Image(VOLUMES.transpose(1, 2, 3, 0), np.eye(4)), folder / name)

    return make


def _tiff(**how) -> Callable[[Path], None]:
    return lambda folder: tifffile.imwrite(folder / "x.tif", IMAGES, **how)


def _mesh(name: str, kind: str) -> Callable[[Path], None]:
    """Two copies of a cube, of which one is changed."""

    def make(folder: Path) -> None:
        made = trimesh.creation.box().export(file_type=kind)
        for file in (name, f"other{Path(name).suffix}"):
            (folder / file).write_bytes(made if isinstance(made, bytes) else made.encode())

    return make


def _text(name: str, value: object) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        (folder / name).write_text(text)

    return make


def _make_checkpoint(folder: Path) -> None:
    with Checkpoints(folder / "c", keep=2, every=1) as saved:
        saved.save(1, STATE)


def _read_checkpoint(folder: Path) -> None:
    with Checkpoints(folder / "c", keep=2, every=1) as saved:
        saved.restore_latest(STATE)


def _make_moment(folder: Path) -> None:
    poses = np.tile(np.eye(3, dtype=np.float32), (COUNT, 1, 1))
    with WorkDir(folder) as workdir:
        workdir.save_snapshot(4, {"found": poses, "applied": poses, "label": np.arange(COUNT)})


def _read_metrics(folder: Path) -> None:
    with WorkDir(folder) as workdir:
        workdir.read_metrics()
        workdir.truncate_after(20)


def _read_output(folder: Path) -> None:
    with claimed(folder, JOB, ("x.npy",), overwrite=False) as output:
        output.done  # noqa: B018


def _read_overrides(folder: Path) -> None:
    texts = (folder / "overrides").read_bytes().decode("utf-8", "surrogateescape").splitlines()
    files.to_options(files.apply_overrides(files.to_config(Options()), texts))


OVERRIDES = "\n".join(
    ("train.steps=100", "data.source=npz:x.npz", "model.hidden=512,256", "data.fill=0.5")
)
LINES = "".join(json.dumps({"step": step, "loss": 1.5, "kl": None}) + "\n" for step in (10, 20, 30))
ALIGNED = {"job": JOB, "result": {"doubtful": 1, "loss_before_nats": 1.5}}


def _json_targets() -> dict[str, Target]:
    """Small texts that a work directory or an output directory holds."""
    return {
        "config.json": Target(
            lambda folder: files.save(Options(), folder / "config.json"),
            "config.json",
            lambda folder: WorkDir(folder).saved_options(),
        ),
        "frame.json": Target(
            _text("frame.json", {"shape": [8, 9, 1], "fill": [0.0]}),
            "frame.json",
            lambda folder: frame_in(WorkDir(folder)),
        ),
        "seconds.json": Target(
            _text("seconds.json", 12.5), "seconds.json", lambda folder: seconds_of(WorkDir(folder))
        ),
        "metrics.jsonl": Target(
            _text("metrics.jsonl", LINES),
            "metrics.jsonl",
            _read_metrics,
            ours=lambda name, content: name == "metrics.jsonl",
        ),
        "align.json": Target(_text("align.json", ALIGNED), "align.json", _read_output),
        "overrides": Target(_text("overrides", OVERRIDES), "overrides", _read_overrides),
    }


def _output_targets() -> dict[str, Target]:
    """Alignments started in outputs that are changed."""
    return {
        f"output {state}{', overwritten' if overwrite else ''}": Target(
            output_targets.make(finished=state == "finished"),
            "",
            output_targets.read(overwrite=overwrite),
            output_targets.changed,
            output_targets.ours,
        )
        for state in ("finished", "begun")
        for overwrite in (False, True)
    }


TARGETS: dict[str, Target] = {
    "npy": Target(lambda f: np.save(f / "x.npy", IMAGES), "x.npy", _source("npy", "x.npy")),
    "npy stack": Target(lambda f: np.save(f / "x.npy", IMAGES), "x.npy", _stack("x.npy")),
    "npy columns": Target(
        lambda f: np.save(f / "x.npy", np.asfortranarray(IMAGES)), "x.npy", _stack("x.npy")
    ),
    "npz": Target(
        lambda f: np.savez_compressed(f / "x.npz", images=IMAGES, labels=np.arange(COUNT)),
        "x.npz",
        _source("npz", "x.npz"),
    ),
    "npz stack": Target(
        lambda f: np.savez_compressed(f / "x.npz", images=IMAGES), "x.npz", _stack("x.npz")
    ),
    "IDX": Target(_make_idx, FILES["train"][0], _source("idx")),
    "IDX labels": Target(_make_idx, FILES["train"][1], _source("idx")),
    "IDX.gz stack": Target(
        lambda f: (f / "x.gz").write_bytes(gzip.compress(_idx(IMAGES))), "x.gz", _stack("x.gz")
    ),
    "PNG": Target(_make_images("x.png"), "label1/x.png", _source("folder")),
    "JPEG": Target(_make_images("x.jpg"), "label1/x.jpg", _source("folder")),
    "TIFF": Target(_make_images("x.tif"), "label1/x.tif", _source("folder")),
    "PNG stack": Target(_make_images("x.png"), "label0/x.png", _stack("")),
    "JPEG stack": Target(_make_images("x.jpg"), "label0/x.jpg", _stack("")),
    "BMP stack": Target(_make_images("x.bmp"), "label0/x.bmp", _stack("")),
    "PNG of 16 bits": Target(_make_deep("x.png"), "label0/x.png", _stack("")),
    "TIFF of 16 bits": Target(_make_deep("x.tif"), "label0/x.tif", _stack("")),
    "TIFF stack": Target(_tiff(), "x.tif", _stack("x.tif")),
    "TIFF packed": Target(_tiff(compression="zlib"), "x.tif", _stack("x.tif")),
    "HDF5": Target(_make_hdf5, "x.h5", _stack("x.h5")),
    "MRC": Target(_make_mrc, "x.mrcs", _stack("x.mrcs")),
    "NIfTI": Target(_nifti("x.nii"), "x.nii", _stack("x.nii")),
    "NIfTI.gz": Target(_nifti("x.nii.gz"), "x.nii.gz", _stack("x.nii.gz")),
    "OFF": Target(_mesh("x.off", "off"), "x.off", _stack("")),
    "OBJ": Target(_mesh("x.obj", "obj"), "x.obj", _stack("")),
    "STL": Target(_mesh("x.stl", "stl"), "x.stl", _stack("")),
    "STL text": Target(_mesh("x.stl", "stl_ascii"), "x.stl", _stack("")),
    **_json_targets(),
    "seal.json": Target(_make_checkpoint, f"c/1/{checkpoint_seal.NAME}", _read_checkpoint),
    "checkpoint": Target(_make_checkpoint, "c/1/_CHECKPOINT_METADATA", _read_checkpoint),
    "folder": Target(folder_targets.make_folder, "", _source("folder"), changed_tree),
    "folder stack": Target(folder_targets.make_folder, "", _stack(""), changed_tree),
    "folder of volumes": Target(folder_targets.make_volumes, "", _stack(""), changed_tree),
    "STAR": Target(folder_targets.make_star, "", _stack("p.star"), changed_star),
    "HDF5 numbered": Target(folder_targets.make_numbered, "x.hdf", _stack("x.hdf")),
    "HDF5 behind a block": Target(folder_targets.make_after_block, "x.mat", _stack("x.mat")),
    **_output_targets(),
    "moment": Target(_make_moment, "moments/00000004.npz", lambda f: WorkDir(f).load_snapshots()),
}
