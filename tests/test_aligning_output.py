"""What an alignment may delete and where its results land: files of users stay."""

import functools
import json
import os
from pathlib import Path

import jax
import numpy as np
import pytest
from blobs import blobs, drawing
from PIL import Image

from avae_jax.alignment import align as run
from avae_jax.alignment import output_dir, trial_write, written_files
from avae_jax.alignment.align import align_by
from avae_jax.alignment.results import names_of
from avae_jax.config.modes import Request
from avae_jax.config.options import EvalOptions, Options, SearchOptions
from avae_jax.core.errors import InputError
from avae_jax.data.formats import Stack, open_stack
from avae_jax.inference.search import resolve
from avae_jax.inference.trained import Trained

SIDE = 9


@pytest.fixture(scope="module", autouse=True)
def quickly_compiled():
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@functools.cache
def model():
    avae, params = drawing(blobs((SIDE, SIDE)), "rotation")
    search = resolve(SearchOptions(kind="even", starts=4, keep=1, steps=1), avae.group)
    return Trained(params, avae, search, None, np.zeros((4, 2), np.float32))


def align(source, target, *, overwrite=False, seed=0):
    options = Options(seed=seed, eval=EvalOptions(batch_size=4))
    align_by(model(), options, Request(str(source), Path(target), overwrite=overwrite))


@pytest.fixture
def pictures(tmp_path):
    """A folder of three pictures in a folder with other files of the user."""
    folder = tmp_path / "user" / "my_images"
    (folder / "deep").mkdir(parents=True)
    draws = np.random.default_rng(0)
    for name in ("a.png", "b.png", "deep/c.png"):
        Image.fromarray(draws.integers(0, 255, (SIDE, SIDE)).astype("u1")).save(folder / name)
    (folder / "notes.txt").write_text("of the user")
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lost(before):
    """Files of `before` that are gone or changed."""
    return [p for p, held in before.items() if not p.is_file() or p.read_bytes() != held]


@pytest.mark.parametrize(
    "here, text, target, name, overwrite",
    [
        ("my_images", ".", "../aligned", "my_images", False),
        ("my_images", "./", "../../elsewhere/aligned", "my_images", True),
        ("my_images/deep", "..", "../../aligned", "my_images", True),
        ("my_images", "deep/..", "../../results/o2", "my_images", True),
        (".", "my_images/deep/../", "aligned", "my_images", True),
        (".", "link/.", "aligned", "link", True),
    ],
)
def test_a_result_is_named_after_the_folder_however_it_is_typed(
    here, text, target, name, overwrite, pictures, monkeypatch
):
    user = pictures.parent
    (user / "link").symlink_to("my_images")
    for place in ("", "aligned", "aligned/mine", "results", "results/o2", "../elsewhere"):
        (user / place).mkdir(exist_ok=True, parents=True)
        (user / place / "keep.txt").write_text(place)
    before = contents(user.parent)
    monkeypatch.chdir(user / here)
    align(text, target, overwrite=overwrite)
    assert not lost(before)
    assert sorted(p.name for p in (Path(target) / name).rglob("*.png")) == [
        "a.png",
        "b.png",
        "c.png",
    ]


def test_overwrite_deletes_what_an_alignment_wrote_and_nothing_else(pictures, tmp_path):
    target = tmp_path / "out"
    align(pictures, target)
    (pictures / "a.png").rename(pictures / "z.png")
    for place in ("", "my_images", "my_images/deep", "model"):
        (target / place).mkdir(exist_ok=True)
        (target / place / "mine.txt").write_text(place)
    mine = {path: held for path, held in contents(target).items() if path.name == "mine.txt"}
    with pytest.raises(InputError, match="another job"):
        align(pictures, target)
    align(pictures, target, overwrite=True)
    assert not lost(mine)
    found = {p.relative_to(target).as_posix() for p in (target / "my_images").rglob("*.png")}
    assert found == {f"my_images/{name}" for name in ("b.png", "deep/c.png", "z.png")}
    assert set(written_files.load(target)) == {
        *found, "align.json", "latents.npy", "poses.csv", "sheet.png"
    }  # fmt: skip
    assert not (target / "unfinished").exists()


@pytest.mark.parametrize(
    "name", ["poses.csv", "my_images/a.png", "align.json", "sheet.png", "my_images", "unfinished"]
)
@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_a_user_put_in_the_place_of_a_result_is_refused(name, kind, pictures, tmp_path):
    target, held = tmp_path / "out", tmp_path / "held"
    held.write_text("of the user")
    place = target / name
    place.parent.mkdir(parents=True)
    if kind == "folder":
        place.mkdir()
        (place / "keep.txt").write_text("of the user")
    elif kind == "link":
        place.symlink_to(held)
    else:
        place.write_text("of the user")
    before = contents(tmp_path)
    for overwrite in (False, True):
        # The user's files in a folder of results are no hindrance to others beside them.
        if (name, kind, overwrite) == ("my_images", "folder", True):
            align(pictures, target, overwrite=True)
        else:
            with pytest.raises(InputError, match=f"output .*out: holds .*{name.split('/')[0]}"):
                align(pictures, target, overwrite=overwrite)
            assert not (target / "latents.npy").exists()
    assert not lost(before)


def test_a_result_that_the_user_changed_stays(pictures, tmp_path):
    target = tmp_path / "out"
    align(pictures, target)
    with (target / "poses.csv").open("a") as file:
        file.write("# a remark\n")
    before = contents(target)
    with pytest.raises(InputError, match="poses.csv changed since an alignment wrote it"):
        align(pictures, target, overwrite=True)
    assert not lost(before)


def test_results_of_a_version_without_a_list_are_kept(pictures, tmp_path):
    target = tmp_path / "out"
    align(pictures, target)
    (target / "files.json").unlink()
    before = contents(target)
    with pytest.raises(InputError, match=r"holds align.json, .*not\s+listed in its files.json"):
        align(pictures, target, overwrite=True)
    assert not lost(before)


def test_what_lies_in_an_unfinished_alignment_stays(tmp_path):
    job, files = {"input": "x"}, ("x.npy", "poses.csv")
    with output_dir.claimed(tmp_path, job, files, overwrite=False) as made:
        made.done = 2
        (made.rows / "aligned.npy").write_text("rows")
        (made.results() / "x.npy").write_text("half")
    parts = tmp_path / "unfinished"
    for place in ("", "rows", "results"):
        (parts / place / "mine.txt").write_text("of the user")
    mine = {path: held for path, held in contents(parts).items() if path.name == "mine.txt"}
    with output_dir.claimed(tmp_path, {"input": "y"}, files, overwrite=True) as made:
        assert made.done == 0 and not (parts / "rows" / "aligned.npy").exists()
        for name in files:
            (made.results() if name == "x.npy" else parts / "results").joinpath(name).touch()
        made.finish({})
    assert not lost(mine) and (tmp_path / "x.npy").exists()


def test_a_file_that_appears_meanwhile_stays(tmp_path):
    with output_dir.claimed(tmp_path, {"input": "x"}, ("x.npy",), overwrite=False) as made:
        (made.results() / "x.npy").write_text("result")
        (tmp_path / "x.npy").write_text("of the user")
        with pytest.raises(InputError, match="holds x.npy, which no alignment wrote"):
            made.finish({})
    assert (tmp_path / "x.npy").read_text() == "of the user"


@pytest.mark.parametrize("name", ["", ".", "..", "/etc/x", "a/../../b"])
def test_names_never_leave_the_output(name, tmp_path):
    assert not written_files.is_inside(name)
    (tmp_path / "files.json").write_text(json.dumps({name: [0, ""], "x": [1, "0"]}))
    assert set(written_files.load(tmp_path)) == {"x"}


def test_the_root_has_no_name_for_a_result():
    root = Stack(Path("/"), (1, 9, 9), np.dtype("u1"), None, None)
    with pytest.raises(InputError, match="no name that the result could have"):
        names_of(root, reconstructions=False)


def test_tables_are_written_whatever_becomes_of_the_images(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((3, SIDE, SIDE), np.float32))
    # Stands for a writer that fails in the midst: a disk that is full cannot be had in a test.
    monkeypatch.setattr(run, "require_writable", lambda *_: None)
    monkeypatch.setattr("avae_jax.data.formats.npy.write_examples", None)
    with pytest.raises(InputError, match="cannot be written again .* holds the tables of poses"):
        align(tmp_path / "x.npy", tmp_path / "out")
    made = sorted(os.listdir(tmp_path / "out"))
    assert made == ["files.json", "latents.npy", "lock", "poses.csv", "sheet.png", "unfinished"]
    monkeypatch.undo()
    align(tmp_path / "x.npy", tmp_path / "out")
    assert np.load(tmp_path / "out" / "x.npy").shape == (3, SIDE, SIDE)


def test_a_stack_that_cannot_be_written_again_is_found_out_at_once(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.zeros((3, SIDE, SIDE), np.float32))
    monkeypatch.setattr("avae_jax.data.formats.npy.write_examples", None)
    with open_stack(str(tmp_path / "x.npy")) as stack:
        with pytest.raises(InputError, match="cannot be written again in its format"):
            trial_write.require_writable(stack, tmp_path / "new" / "out")
    assert os.listdir(tmp_path) == ["x.npy"]


def test_the_trial_leaves_nothing_behind(pictures, tmp_path):
    before = contents(tmp_path)
    with open_stack(str(pictures)) as stack:
        trial_write.require_writable(stack, tmp_path / "user")
    assert contents(tmp_path) == before
