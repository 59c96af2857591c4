"""Sound folders made unsound: files changed, renamed, added, and links in their places."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.robustness.mutations import TOKENS, mutated

NAMES = (
    *("a\nb.png", ".hidden.png", "x.png.part", "x", " .tif", "X.PNG", "1.gif", "x.npy", "x.star"),
    *("n" * 250 + ".png", "poses.csv", "notes.txt", "\udcff.png", "$(x).jpg", "-f.png"),
)
# Beside the folder `in` lie files of the user's in `user`.
LEADS = ("../user", "../user/x.npy", "../user/gone", ".", "..", "/dev/null", "nowhere", "../in")
IMAGES = ("../user/x.mrcs", "nowhere.mrcs", "/dev/zero", "p.star", ".", "..", "", "x.mrcs/x")
NUMBERS = ("1@", "000002@", "0@", "-1@", "9999999999@", "x@", "7@7@", "@", "")


def changed_tree(folder: Path, chance: random.Random) -> None:
    """Changes one to three things of a folder with files."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choice(WAYS)(folder, chance)


def changed_star(folder: Path, chance: random.Random) -> None:
    """Changes a STAR file, the names in it, its stack or what lies beside it."""
    star, way = folder / "p.star", chance.random()
    if way < 0.3:
        star.write_bytes(mutated(star.read_bytes(), chance))
    elif way < 0.6:
        words = star.read_text().split("\n")
        named = [number for number, word in enumerate(words) if "@" in word]
        line = chance.choice(named)
        name = chance.choice(NUMBERS) + chance.choice(IMAGES)
        words[line] = f"{name} {words[line].partition(' ')[2]}"
        star.write_text("\n".join(words))
    elif way < 0.9:
        stack = folder / "x.mrcs"
        stack.write_bytes(mutated(stack.read_bytes(), chance))
    else:
        changed_tree(folder, chance)


def changed_names(path: Path, chance: random.Random, names: tuple[str, ...]) -> None:
    """Puts one of `names` into the place of one that a JSON list or object holds."""
    held = json.loads(path.read_bytes())
    if not isinstance(held, list | dict) or not held:
        return
    old, new = chance.choice(list(held)), chance.choice(names)
    if isinstance(held, list):
        held = [new if name == old else name for name in held]
    else:
        held = {new if name == old else name: value for name, value in held.items()}
    path.write_text(json.dumps(held))


def remove(path: Path) -> None:
    """Deletes a file, a link or a folder."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def entries(folder: Path) -> list[Path]:
    """What lies in a folder at any depth, links not followed, in order."""
    return sorted(
        Path(where) / name
        for where, folders, files in os.walk(folder)
        for name in (*folders, *files)
    )


def files_of(folder: Path) -> list[Path]:
    """The regular files among `entries`."""
    return [path for path in entries(folder) if path.is_file() and not path.is_symlink()]


def _content(folder: Path, chance: random.Random) -> None:
    if files := files_of(folder):
        path = chance.choice(files)
        path.write_bytes(mutated(path.read_bytes(), chance))


def _name(folder: Path, chance: random.Random) -> None:
    if files := files_of(folder):
        path = chance.choice(files)
        target = path.with_name(chance.choice(NAMES))
        if not target.is_dir():
            path.rename(target)


def _add(folder: Path, chance: random.Random) -> None:
    """A file that is broken, empty or not a regular file."""
    path = _new(folder, chance)
    way = chance.randrange(4)
    if way == 0:
        os.mkfifo(path)
    elif way == 1:
        path.mkdir()
    else:
        path.write_bytes(chance.choice((b"", b"\x89PNG\r\n\x1a\n", *TOKENS)))


def _link(folder: Path, chance: random.Random) -> None:
    """A link to a folder, to itself, to nowhere or to a file of the user's."""
    path = _new(folder, chance)
    path.symlink_to(chance.choice((*LEADS, path.name)))


def _in_place(folder: Path, chance: random.Random) -> None:
    """A link in the place of a file or a folder."""
    if found := entries(folder):
        path = chance.choice(found)
        remove(path)
        path.symlink_to(chance.choice((*LEADS, path.name)))


def _remove(folder: Path, chance: random.Random) -> None:
    if files := files_of(folder):
        chance.choice(files).unlink()


def _new(folder: Path, chance: random.Random) -> Path:
    """A path where nothing is, in one of the folders."""
    places = [folder, *(p for p in entries(folder) if p.is_dir() and not p.is_symlink())]
    where = chance.choice(places)
    name = chance.choice((*NAMES, *(path.name for path in entries(folder))))
    while os.path.lexists(where / name):
        name = f"{chance.randrange(10**6)}{Path(name).suffix}"
    return where / name


WAYS: tuple[Callable[[Path, random.Random], None], ...] = (
    *(_content, _content, _name, _add, _link, _in_place, _remove),
)
