"""Output directories that are fuzzed: what `--overwrite` and other starts do in them."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from avae_jax.alignment import written_files
from avae_jax.alignment.output_dir import FORMAT, Output, claimed
from avae_jax.alignment.row_store import Column
from tests.robustness.mutations import mutated
from tests.robustness.tree_mutations import changed_names, files_of, remove

JOB = {"input": "x", "contents": "00"}
RESULTS = ("x/1.npy", "x/2.npy", "poses.csv")
ROWS = np.zeros((4, 3), np.float32)
# Files of an alignment; all others are of the user's.
SMALL = ("align.json", "files.json", "lock")
UNFINISHED = ("job.json", "planned.json", "done.json", "rows/aligned.npy", "results/poses.csv")
OWN = (*SMALL, *RESULTS, *(f"unfinished/{name}" for name in UNFINISHED))
USER_TEXT = b"of the user"
TABLE = b"index\n"
DONE = {"format": FORMAT, "job": JOB, "result": {"doubtful": 1}}
# What results hold that nobody has changed.
SOUND = (TABLE, ROWS.tobytes(), (json.dumps(DONE, indent=2) + "\n").encode())
WHERE = ("", "out", "out/x", "out/unfinished", "out/unfinished/rows", "out/unfinished/results")
USERS = ("user.txt", "notes/user.npy")
# Relative to the output; the last ones lie in it.
LEADS = ("../user", "../../user", "../input", "../user.txt", "nowhere", ".", "..", "x")
ESCAPES = (
    *("../user.txt", "../input/x.npy", "x/../../user.txt", "x/../user.txt", "..", ".", "", "/"),
    *("../../user/x.npy", "linked/x.npy", "x", "unfinished", "notes", "a\0b", "\udcff", "n" * 300),
)


def make(*, finished: bool) -> Callable[[Path], None]:
    """An input and an output of an alignment that is finished, or not; files of the user's."""

    def made(folder: Path) -> None:
        (folder / "input").mkdir()
        np.save(folder / "input" / "x.npy", ROWS)
        with claimed(folder / "out", JOB, RESULTS, overwrite=False) as output:
            _align(output, finish=finished)
        for place in WHERE:
            if (folder / place).is_dir():
                _user_files(folder / place)

    return made


def read(*, overwrite: bool) -> Callable[[Path], None]:
    """Starts an alignment in the output and finishes it."""

    def start(folder: Path) -> None:
        with claimed(folder / "out", JOB, RESULTS, overwrite=overwrite) as output:
            if output.finished is None:
                _align(output, finish=True)

    return start


def ours(name: str, content: bytes) -> bool:
    """Whether the file `name` may go or change: an alignment wrote it, nobody changed it."""
    place, _, name = name.partition("/")
    if place != "out":
        return False
    if name.startswith("unfinished/"):
        return name.removesuffix(".part") in OWN
    if name in RESULTS or name == "align.json":
        return content in SOUND
    return name == "files.json" and content != USER_TEXT


def _align(output: Output, *, finish: bool) -> None:
    """Computes nothing, and writes as an alignment does."""
    rows = Column(output.rows / "aligned.npy", ROWS.shape, ROWS.dtype)
    rows.write(output.done % 2, ROWS[:2] + 1)
    rows.sync()
    output.done = 2
    folder = output.results()
    (folder / "poses.csv").write_bytes(TABLE)
    if finish:
        output.publish()
        for name in RESULTS[:2]:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(ROWS.tobytes())
        output.finish({"doubtful": 1})


def _user_files(folder: Path) -> None:
    for name in USERS:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"of the user, {folder.name}/{name}")


def changed(folder: Path, chance: random.Random) -> None:
    """Changes one to three things of an output."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choice(WAYS)(folder / "out", chance)


def _own(out: Path) -> list[Path]:
    return [path for path in files_of(out) if str(path.relative_to(out)) in OWN]


def _content(out: Path, chance: random.Random) -> None:
    """Bytes of a file that an alignment wrote."""
    if files := _own(out):
        path = chance.choice([*files, *(f for f in files if f.suffix == ".json")])
        path.write_bytes(mutated(path.read_bytes(), chance))


def _name(out: Path, chance: random.Random) -> None:
    """A name in a list of files that leads elsewhere."""
    lists = [out / "files.json", out / "unfinished/planned.json"]
    there = [path for path in lists if path in _own(out)]
    names = (*ESCAPES, str(out.parent / "user.txt"))
    if there:
        path = chance.choice(there)
        try:
            changed_names(path, chance, names)
        except ValueError:
            path.write_bytes(b"{}")


def _described(out: Path, chance: random.Random) -> None:
    """A file of the user's that the list describes as it is, by a way out of the output."""
    linked, user = out / "linked", out.parent.parent / "user"
    if not linked.is_symlink():
        linked.symlink_to("../../user")
    ways = {"linked/x.npy": user / "x.npy", "../user.txt": out.parent / "user.txt"}
    ways[str(user / "x.npy")] = user / "x.npy"
    name, path = chance.choice(list(ways.items()))
    listed = written_files.load(out) | {name: written_files.describe(path)}
    if not (out / "files.json").is_symlink() and not (out / "files.json").is_dir():
        (out / "files.json").write_text(json.dumps(listed))


def _of_the_user(out: Path, chance: random.Random) -> None:
    """A file of the user's in the place of one that an alignment writes."""
    places = (*OWN, *(f"{name}.part" for name in OWN))
    path = out / chance.choice(places)
    if path.parent.is_dir() and not path.is_dir() and not path.is_symlink():
        path.write_bytes(USER_TEXT)


def _link(out: Path, chance: random.Random) -> None:
    """A link in the place of a file or folder of an alignment, or where it will write one."""
    folders = ("x", "unfinished", "unfinished/rows", "unfinished/results")
    path = out / chance.choice((*OWN, *folders, *(f"{name}.part" for name in OWN)))
    up = "../" * (len(path.relative_to(out).parts) - 1)
    leads = chance.choice((*(up + lead for lead in LEADS), path.name, "user.txt", "notes"))
    moved = out.parent / "moved"
    if os.path.lexists(path):
        if chance.random() < 0.5 and not os.path.lexists(moved):
            # As a user does who wants it elsewhere.
            path.rename(moved)
            leads = up + "../moved"
        else:
            remove(path)
    if path.parent.is_dir() and not os.path.lexists(path):
        path.symlink_to(leads)


def _remove(out: Path, chance: random.Random) -> None:
    """A file of an alignment is gone, or a folder is in its place."""
    if files := _own(out):
        path = chance.choice(files)
        path.unlink()
        if chance.random() < 0.5:
            path.mkdir()
            (path / "user.txt").write_bytes(USER_TEXT)


def _twice(out: Path, chance: random.Random) -> None:
    """The result of an alignment under way is that of a finished one too."""
    if (out / "align.json").is_file() and not (out / "unfinished").exists():
        (out / "unfinished").mkdir()
        shutil.copy(out / "align.json", out / "unfinished" / chance.choice(UNFINISHED[:3]))


WAYS = (_content, _content, _name, _described, _of_the_user, _link, _link, _remove, _twice)
