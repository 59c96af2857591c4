"""Tests of `avae_jax.alignment.output_dir`."""

import contextlib
import json
import os

import pytest

from avae_jax.alignment import output_dir
from avae_jax.core.errors import InputError
from tests.support.alignment_outputs import contents, lost

pytestmark = pytest.mark.standard


def claim(folder, job, names=("a.npy",), overwrite=False):
    return output_dir.claimed(folder, job, names, overwrite=overwrite)


def test_claimed_output_belongs_to_one_job(tmp_path):
    assert output_dir.job_in(tmp_path) is None
    with claim(tmp_path, {"input": 1}) as made:
        assert made.done == 0 and made.finished is None
        made.done = 3
        with pytest.raises(InputError, match="another run is working in it"):
            with claim(tmp_path, {"input": 1}):
                pass
    with claim(tmp_path, {"input": 1}) as made:
        assert made.done == 3
    assert output_dir.job_in(tmp_path) == {"input": 1}
    with pytest.raises(InputError, match=r"another job \(input differ\)"):
        with claim(tmp_path, {"input": 2}):
            pass
    with claim(tmp_path, {"input": 2}, overwrite=True) as made:
        assert made.done == 0
        (made.results() / "a.npy").write_text("x")
        made.finish({"examples": 1})
    with claim(tmp_path, {"input": 2}) as made:
        assert made.finished == {"examples": 1}
    assert output_dir.job_in(tmp_path) == {"input": 2}


def test_claimed_refuses_files_of_somebody_else(tmp_path):
    """Files of somebody else are not written over."""
    (tmp_path / "a.npy").write_text("mine")
    with pytest.raises(InputError, match="holds a.npy already"):
        with claim(tmp_path, {"input": 1}):
            pass
    assert (tmp_path / "a.npy").read_text() == "mine"


def test_claimed_keeps_files_in_an_unfinished_alignment(tmp_path):
    """What lies in an unfinished alignment stays."""
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


def test_claimed_keeps_a_file_that_appears_meanwhile(tmp_path):
    """A file that appears meanwhile stays."""
    with output_dir.claimed(tmp_path, {"input": "x"}, ("x.npy",), overwrite=False) as made:
        (made.results() / "x.npy").write_text("result")
        (tmp_path / "x.npy").write_text("of the user")
        with pytest.raises(InputError, match="holds x.npy, which no alignment wrote"):
            made.finish({})
    assert (tmp_path / "x.npy").read_text() == "of the user"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["lock", "unfinished", "unfinished/rows", "unfinished/results"])
def test_claimed_follows_no_link_to_files_of_the_user(name, overwrite, tmp_path):
    out, user = tmp_path / "out", tmp_path / "user"
    with claim(out, {"input": 1}) as made:
        made.done = 2
        (made.rows / "aligned.npy").write_text("rows")
        (made.results() / "a.npy").write_text("half")
    (out / name).rename(user)
    (out / name).symlink_to(user)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=f"{name} is (a link|not a regular file); move it away"):
        with claim(out, {"input": 1}, overwrite=overwrite):
            pass
    assert not lost(before)


@pytest.mark.parametrize("way", ["linked/x.npy", "../user/x.npy", "absolute", "folder moved"])
def test_claimed_deletes_nothing_outside_that_its_list_describes(way, tmp_path):
    out, user = tmp_path / "out", tmp_path / "user"
    with claim(out, {"input": 1}, ("x/x.npy",)) as made:
        result = made.results() / "x" / "x.npy"
        result.parent.mkdir()
        result.write_text("result")
        made.finish({})
    if way == "folder moved":
        (out / "x").rename(user)
        (out / "x").symlink_to(user)
    else:
        user.mkdir()
        (user / "x.npy").write_text("result")
        (out / "linked").symlink_to(user)
        listed = json.loads((out / "files.json").read_text())
        listed[str(user / "x.npy") if way == "absolute" else way] = listed["x/x.npy"]
        (out / "files.json").write_text(json.dumps(listed))
    with contextlib.suppress(InputError), claim(out, {"input": 1}, ("x/x.npy",), overwrite=True):
        pass
    assert (user / "x.npy").read_text() == "result"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("text", ["mine", "[]", '{"files": ["a", "b"]}', '{"a.npy": "xy"}'])
def test_claimed_keeps_a_list_of_files_that_is_of_the_user(text, overwrite, tmp_path):
    (tmp_path / "files.json").write_text(text)
    with pytest.raises(InputError, match="holds files.json, which no alignment wrote"):
        with claim(tmp_path, {"input": 1}, overwrite=overwrite):
            pass
    assert (tmp_path / "files.json").read_text() == text


@pytest.mark.parametrize("name", ["lock", "unfinished/rows", "unfinished/done.json"])
def test_claimed_says_what_is_no_file_or_no_folder(name, tmp_path):
    with claim(tmp_path, {"input": 1}):
        pass
    (tmp_path / "lock").unlink()
    path = tmp_path / name
    path.write_text("") if name.endswith("rows") else path.mkdir()
    with pytest.raises(InputError, match="(not a regular|Is a directory|File exists).*; move it"):
        with claim(tmp_path, {"input": 1}) as made:
            made.rows  # noqa: B018
            made.done = 1


# Names that a file system takes and a page, a table or a terminal must not be led astray by.
NASTY = ["<script>alert(1)<", '"quo\'ted" & $x$', "line\nbreak\t\x1b[31m"]
NASTY.append(os.fsdecode(b"\xff\xfe"))


@pytest.mark.parametrize("text", ["[1]", '{"job": 1}', '{"job": {}, "result": 3}', "{"])
def test_claimed_garbled_result_is_none(text, tmp_path):
    (tmp_path / "align.json").write_text(text)
    with pytest.raises(InputError, match="holds align.json already"):
        with output_dir.claimed(tmp_path, {"input": 1}, ("a.npy",), overwrite=False):
            pass
    assert (tmp_path / "align.json").read_text() == text


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_output_that_is_no_directory_is_refused(overwrite, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "link"):
        with pytest.raises(InputError, match=f"{name}: not a directory"):
            output_dir.require_free(tmp_path / name, ("a.npy",), overwrite=overwrite)
    assert (tmp_path / "file").read_text() == "mine"
