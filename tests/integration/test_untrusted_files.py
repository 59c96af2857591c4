"""Files that others made: never code, never without bounds, never beyond their place."""

import csv
import gzip
import io
import os
import pickle
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

from avae_jax.alignment import contact_sheet, pose_table
from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.formats import open_stack
from avae_jax.data.formats.pictures import read_image
from avae_jax.data.sources.registry import open_source
from avae_jax.training.workdir import WorkDir
from tests.robustness.fuzz import fuzz
from tests.support.report_samples import findings, gallery, written

IMAGES = np.random.default_rng(0).integers(0, 255, (6, 8, 9), np.uint8)
# Names that a file system takes and a page, a table or a terminal must not be led astray by.
NASTY = ["<script>alert(1)<", '"quo\'ted" & $x$', "line\nbreak\t\x1b[31m"]
NASTY.append(os.fsdecode(b"\xff\xfe"))


@pytest.mark.full
def test_fuzz_2000_changed_files_read_or_refused():
    result = fuzz(range(2000), seed=1)
    assert result["findings"] == []
    assert all(sum(count.values()) > 40 for count in result["kinds"].values())


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def saved(path, array):
    (np.save if path.suffix == ".npy" else np.savez)(path, array)
    return path


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_load_unpickles_nothing(name, tmp_path):
    """No pickle is loaded."""
    harm = tmp_path / "harm"
    array = np.empty((6, 8, 9), object)
    array[...] = Harm(harm)
    path = saved(tmp_path / name, array)
    for source in (f"{path.suffix[1:]}:{path}", f"stack:{path}"):
        with pytest.raises(InputError, match=f"{name}.*(pickle|object)"):
            load(DataOptions(source=source), seed=0)
    assert not harm.exists()


@pytest.mark.parametrize("inside", [False, True])
def test_arrays_of_pickles_refused(inside, tmp_path):
    """No pickle stands in for an array."""
    harm, content = tmp_path / "harm", pickle.dumps(Harm(tmp_path / "harm"))
    path = tmp_path / ("00000001.npz" if inside else "x.npy")
    if inside:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("found.npy", content)
    else:
        path.write_bytes(content)
    (tmp_path / "moments").mkdir()
    (tmp_path / "moments" / "00000001.npz").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="truncated or garbled"):
        WorkDir(tmp_path).load_snapshots()
    for kind in (path.suffix[1:], "stack"):
        with pytest.raises(InputError):
            open_source(f"{kind}:{path}")
    assert not harm.exists()


def test_npz_member_names_lead_nowhere(tmp_path):
    """Names of members lead nowhere."""
    folder = tmp_path / "in" / "it"
    folder.mkdir(parents=True)
    array = io.BytesIO()
    np.save(array, IMAGES)
    with zipfile.ZipFile(folder / "x.npz", "w") as archive:
        archive.writestr("../../escaped.npy", array.getvalue())
        archive.writestr("/../absolute.txt", b"x")
    with open_stack(str(folder / "x.npz")) as stack:
        np.testing.assert_array_equal(stack.read(0, 6), IMAGES)
        stack.write(folder / "made.npz", [IMAGES])
    load(DataOptions(source=f"npz:{folder / 'x.npz'}"), seed=0)
    found = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"x.npz", "made.npz"}


def test_hdf5_gives_away_no_other_file(tmp_path):
    (tmp_path / "secret").write_bytes(IMAGES.tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = IMAGES
    layout = h5py.VirtualLayout(IMAGES.shape, "u1")
    layout[...] = h5py.VirtualSource(tmp_path / "other.h5", "x", IMAGES.shape)
    made = [(str(tmp_path / "secret"), 0, IMAGES.nbytes)]
    for name, make in {
        "external": lambda file: file.create_dataset("x", IMAGES.shape, "u1", external=made),
        "virtual": lambda file: file.create_virtual_dataset("x", layout),
    }.items():
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            make(file)
        with pytest.raises(InputError, match="keeps its numbers in other files"):
            open_source(f"stack:{tmp_path / name}.h5")


def test_hdf5_links_stay_links(tmp_path):
    """Links in an hdf5 file stay links."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = IMAGES
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["outside"] = h5py.ExternalLink("other.h5", "/x")
    with open_stack(str(tmp_path / "x.h5")) as stack:
        stack.write(tmp_path / "made.h5", [stack.read(0, 6)])
    with h5py.File(tmp_path / "made.h5") as made:
        assert isinstance(made.get("dangling", getlink=True), h5py.SoftLink)
        assert isinstance(made.get("outside", getlink=True), h5py.ExternalLink)
        np.testing.assert_array_equal(made["images"], IMAGES)


def test_read_image_refuses_what_is_no_image(tmp_path):
    """Pillow would start another program for a page description of whatever name."""
    Image.fromarray(IMAGES[0]).convert("RGB").save(tmp_path / "x.png", format="EPS")
    with pytest.raises(InputError, match="cannot identify"):
        read_image(tmp_path / "x.png")


def test_load_does_not_wait_for_a_pipe(tmp_path):
    """A pipe is not waited for."""
    os.mkfifo(tmp_path / "x.png")
    for source in ("folder:{}", "stack:{}", "npy:{}/x.png", "npz:{}/x.png", "stack:{}/x.png"):
        with pytest.raises(InputError, match="not a regular file"):
            load(DataOptions(source=source.format(tmp_path)), seed=0)
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(InputError, match="not a regular file"):
        WorkDir(tmp_path).saved_options()


def bombs(folder):
    """Small files that announce much."""
    header = bytes([0, 0, 8, 3]) + np.array([10**6, 64, 64], ">u4").tobytes()
    (folder / "x.gz").write_bytes(gzip.compress(header + bytes(10**6)))
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("x", (10**9, 64, 64), "u1", chunks=(1, 64, 64))
    with (folder / "x.npy").open("wb") as file:
        says = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 64, 64)}
        np.lib.format.write_array_header_1_0(file, says)
    return [folder / name for name in ("x.gz", "x.h5", "x.npy")]


def test_open_source_announced_sizes_refused_at_once(tmp_path):
    """What announces more than it holds is refused at once."""
    for path in bombs(tmp_path):
        with pytest.raises(InputError, match="announces [0-9,]+ bytes of numbers in a"):
            open_source(f"stack:{path}")


@pytest.mark.standard
def test_report_folder_names_as_text(tmp_path):
    """Odd names of folders reach the report as text."""
    for number, name in enumerate(NASTY):
        (tmp_path / "in" / name).mkdir(parents=True)
        for image in range(3):
            path = tmp_path / "in" / name / f"{image}.png"
            Image.fromarray(IMAGES[number]).save(path)
    dataset = load(DataOptions(source=f"folder:{tmp_path / 'in'}"), seed=0)
    assert sorted(dataset.label_names) == sorted(NASTY)
    labels = np.arange(12) % len(NASTY)
    plain = written(tmp_path, label_names=tuple("abcd"), gallery=gallery()._replace(labels=labels))
    page = written(
        tmp_path,
        label_names=dataset.label_names,
        gallery=gallery()._replace(labels=labels),
        title=NASTY[0],
        config=findings().config | {"data": {"source": str(tmp_path / "in" / NASTY[3])}},
    )
    scripts = [[tag for tag, _ in one.tags].count("script") for one in (plain, page)]
    assert scripts[0] == scripts[1]
    assert any(word.startswith("<script>") for word in page.words)


def test_alignment_file_names_as_text(tmp_path):
    """Odd names of files reach tables and pictures as text."""
    block = {"index": range(len(NASTY)), "name": NASTY}
    pose_table.write(tmp_path / "poses.csv", [block])
    with (tmp_path / "poses.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    wanted = [*NASTY[:3], "\\udcff\\udcfe"]
    assert rows == [["index", "name"], *([str(i), name] for i, name in enumerate(wanted))]
    example = IMAGES[0, ..., None] / np.float32(255)
    pairs = [contact_sheet.Pair(example, example, name, (name,)) for name in NASTY]
    contact_sheet.save(
        tmp_path / "sheet.png", "title", ["note"], [contact_sheet.Section("some", pairs)]
    )
    assert (tmp_path / "sheet.png").stat().st_size > 1000
