"""Tests of `avae_jax.alignment.written_files`."""

import json

import pytest

from avae_jax.alignment import written_files
from avae_jax.core.errors import InputError
from tests.support.alignment_outputs import align, contents, lost

pytestmark = pytest.mark.standard


def test_results_overwritten_are_own_files_only(pictures, tmp_path):
    """Overwrite deletes what an alignment wrote and nothing else."""
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
        *found, "align.json", "data.json", "index.html", "latents.npy", "poses.csv", "sheet.png"
    }  # fmt: skip
    assert not (target / "unfinished").exists()


def test_results_changed_by_the_user_stay(pictures, tmp_path):
    """A result that the user changed stays."""
    target = tmp_path / "out"
    align(pictures, target)
    with (target / "poses.csv").open("a") as file:
        file.write("# a remark\n")
    before = contents(target)
    with pytest.raises(InputError, match="poses.csv changed since an alignment wrote it"):
        align(pictures, target, overwrite=True)
    assert not lost(before)


def test_results_without_a_list_are_kept(pictures, tmp_path):
    """Results of a version without a list are kept."""
    target = tmp_path / "out"
    align(pictures, target)
    (target / "files.json").unlink()
    before = contents(target)
    with pytest.raises(InputError, match=r"holds align.json, .*not\s+listed in its files.json"):
        align(pictures, target, overwrite=True)
    assert not lost(before)


@pytest.mark.parametrize("name", ["", ".", "..", "/etc/x", "a/../../b"])
def test_is_inside_refuses_names_that_leave(name, tmp_path):
    """Names never leave the output."""
    assert not written_files.is_inside(name)
    (tmp_path / "files.json").write_text(json.dumps({name: [0, ""], "x": [1, "0"]}))
    assert set(written_files.load(tmp_path)) == {"x"}
