"""What an alignment may delete and where its results land: files of users stay."""

import importlib
import os
from pathlib import Path

import numpy as np
import pytest

from avae_jax.alignment.results import names_of
from avae_jax.core.errors import InputError
from avae_jax.data.formats import Stack
from tests.support.alignment_outputs import SIDE, align, contents, lost

pytestmark = pytest.mark.standard


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
def test_results_named_after_the_folder(here, text, target, name, overwrite, pictures, monkeypatch):
    """A result is named after the folder however it is typed."""
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


@pytest.mark.parametrize(
    "name", ["poses.csv", "my_images/a.png", "align.json", "sheet.png", "my_images", "unfinished"]
)
@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_results_refuse_a_place_taken_by_the_user(name, kind, pictures, tmp_path):
    """What a user put in the place of a result is refused."""
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
    said = f"holds .*{name.split('/')[0]}"
    if (name, kind) == ("unfinished", "link"):
        said = "unfinished is a link; move it away"
    before = contents(tmp_path)
    for overwrite in (False, True):
        # The user's files in a folder of results are no hindrance to others beside them.
        if (name, kind, overwrite) == ("my_images", "folder", True):
            align(pictures, target, overwrite=True)
        else:
            with pytest.raises(InputError, match=f"output .*out: {said}"):
                align(pictures, target, overwrite=overwrite)
            assert not (target / "latents.npy").exists()
    assert not lost(before)


def test_names_of_root_refused():
    """The root has no name for a result."""
    root = Stack(Path("/"), (1, 9, 9), np.dtype("u1"), None, None)
    with pytest.raises(InputError, match="no name that the result could have"):
        names_of(root, reconstructions=False)


def test_results_tables_written_before_images(tmp_path, monkeypatch):
    """Tables are written whatever becomes of the images."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((3, SIDE, SIDE), np.float32))
    # Stands for a writer that fails in the midst: a disk that is full cannot be had in a test.
    # The module: the package has a function of its name.
    run = importlib.import_module("avae_jax.alignment.align")
    monkeypatch.setattr(run, "require_writable", lambda *_: None)
    monkeypatch.setattr("avae_jax.data.formats.npy.write_examples", None)
    with pytest.raises(InputError, match="cannot be written again .* holds the tables of poses"):
        align(tmp_path / "x.npy", tmp_path / "out")
    made = sorted(os.listdir(tmp_path / "out"))
    assert made == [
        *(
            "data.json",
            "files.json",
            "index.html",
            "latents.npy",
            "lock",
            "poses.csv",
            "sheet.png",
            "unfinished",
        )
    ]
    monkeypatch.undo()
    align(tmp_path / "x.npy", tmp_path / "out")
    assert np.load(tmp_path / "out" / "x.npy").shape == (3, SIDE, SIDE)
