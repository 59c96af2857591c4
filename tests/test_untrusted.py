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
from test_report import findings, gallery, written

from avae_jax.alignment import contact_sheet, output_dir, pose_table, row_store
from avae_jax.config.options import DataOptions
from avae_jax.core import strict_json
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.formats import open_stack
from avae_jax.data.formats.pictures import read_image
from avae_jax.data.sources.registry import open_source
from avae_jax.training.restore import frame_in
from avae_jax.training.workdir import WorkDir
from benchmarks.fuzz import fuzz

IMAGES = np.random.default_rng(0).integers(0, 255, (6, 8, 9), np.uint8)
# Names that a file system takes and a page, a table or a terminal must not be led astray by.
NASTY = ["<script>alert(1)<", '"quo\'ted" & $x$', "line\nbreak\t\x1b[31m"]
NASTY.append(os.fsdecode(b"\xff\xfe"))


def test_2000_changed_files_are_read_or_refused():
    result = fuzz(range(2000), seed=1)
    assert result["findings"] == []
    assert all(sum(count.values()) > 50 for count in result["kinds"].values())


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
def test_no_pickle_is_loaded(name, tmp_path):
    harm = tmp_path / "harm"
    array = np.empty((6, 8, 9), object)
    array[...] = Harm(harm)
    path = saved(tmp_path / name, array)
    for source in (f"{path.suffix[1:]}:{path}", f"stack:{path}"):
        with pytest.raises(InputError, match=f"{name}.*(pickle|object)"):
            load(DataOptions(source=source), seed=0)
    assert not harm.exists()


@pytest.mark.parametrize("inside", [False, True])
def test_no_pickle_stands_in_for_an_array(inside, tmp_path):
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
        WorkDir(tmp_path).load_moments()
    for kind in (path.suffix[1:], "stack"):
        with pytest.raises(InputError):
            open_source(f"{kind}:{path}")
    assert not harm.exists()


def test_names_of_members_lead_nowhere(tmp_path):
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


def test_an_hdf5_file_gives_away_no_other_file(tmp_path):
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


def test_links_in_an_hdf5_file_stay_links(tmp_path):
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


def test_what_is_called_an_image_is_one(tmp_path):
    """Pillow would start another program for a page description of whatever name."""
    Image.fromarray(IMAGES[0]).convert("RGB").save(tmp_path / "x.png", format="EPS")
    with pytest.raises(InputError, match="cannot identify"):
        read_image(tmp_path / "x.png")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    for source in ("folder:{}", "stack:{}", "npy:{}/x.png", "npz:{}/x.png", "stack:{}/x.png"):
        with pytest.raises(InputError, match="no regular file"):
            load(DataOptions(source=source.format(tmp_path)), seed=0)
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(InputError, match="no regular file"):
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


def test_what_announces_more_than_it_holds_is_refused_at_once(tmp_path):
    for path in bombs(tmp_path):
        with pytest.raises(InputError, match="says that it holds [0-9,]+ bytes of numbers, in a"):
            open_source(f"stack:{path}")


def test_odd_names_of_folders_reach_the_report_as_text(tmp_path):
    for number, name in enumerate(NASTY):
        (tmp_path / "in" / name).mkdir(parents=True)
        for image in range(3):
            path = tmp_path / "in" / name / f"{image}.png"
            Image.fromarray(IMAGES[number]).save(path)
    dataset = load(DataOptions(source=f"folder:{tmp_path / 'in'}"), seed=0)
    assert sorted(dataset.label_names) == sorted(NASTY)
    labels = np.arange(12) % len(NASTY)
    page = written(
        tmp_path,
        label_names=dataset.label_names,
        gallery=gallery()._replace(labels=labels),
        title=NASTY[0],
        config=findings().config | {"data": {"source": str(tmp_path / "in" / NASTY[3])}},
    )
    assert "script" not in {tag for tag, _ in page.tags}
    assert any(word.startswith("<script>") for word in page.words)


def test_odd_names_of_files_reach_tables_and_pictures_as_text(tmp_path):
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


def test_a_sentence_is_one_line_whatever_it_quotes():
    said = str(InputError("no\nsuch \x1b[31mfile\udcff " + "long " * 1000))
    assert said.startswith("no\\nsuch \\x1b[31mfile\\udcff long") and len(said) < 2100


@pytest.mark.parametrize("text", ["[" * 10**5, "NaN", "1e999", '{"a": 1, "a": 2}', "9" * 5000, ""])
def test_json_has_its_bounds(text):
    with pytest.raises(ValueError):
        strict_json.parse(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"shape": [8, 9], "fill": [0.0]}',
        '{"shape": [8, 9, 1], "fill": 0.0}',
        '{"shape": [8, 9, 1], "fill": ["0"]}',
        '{"shape": [8, -9, 1], "fill": [0.0]}',
        '{"shape": [8, 1000000000, 1], "fill": [0.0]}',
        '{"shape": "891", "fill": [0.0]}',
    ],
)
def test_a_garbled_frame_is_refused(text, tmp_path):
    (tmp_path / "frame.json").write_text(text)
    with pytest.raises(InputError, match="frame.json is garbled"):
        frame_in(WorkDir(tmp_path))


@pytest.mark.parametrize("text", ["[1]", '{"job": 1}', '{"job": {}, "result": 3}', "{"])
def test_a_garbled_result_is_no_result(text, tmp_path):
    (tmp_path / "align.json").write_text(text)
    with pytest.raises(InputError, match="holds align.json already"):
        with output_dir.claimed(tmp_path, {"input": 1}, ("a.npy",), overwrite=False):
            pass
    assert (tmp_path / "align.json").read_text() == text


def test_garbled_rows_are_refused(tmp_path):
    path = tmp_path / "x.npy"
    row_store.Column(path, (5, 2), ">i2")
    for damage in (path.read_bytes()[:-1], b"garbled", path.read_bytes()[:-20] + bytes(21)):
        path.write_bytes(damage)
        with pytest.raises(InputError, match="x.npy: "):
            row_store.Column(path, (5, 2), ">i2")
