"""What surrounds a command: names, clocks, temporary folders, many files, many images."""

import csv
import os
import random
import resource
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

from tests.support.alignment_commands import aligning, command, images
from tests.support.alignment_outputs import SIDE, align, contents
from tests.support.cli import lines_of
from tests.support.event_files import events_in
from tests.support.trainings import train

pytestmark = pytest.mark.standard
TINY = {"model.hidden": 16, "train.search": "false", "train.synchronised": 0, "log.moments": 0}
RUN = {**TINY, "data.limit": 48, "train.steps": 6, "train.batch_size": 16, "log.every": 1}


def test_clock_that_jumps_back_changes_no_number(tmp_path, monkeypatch):
    """As when a machine without a battery hears the time: an hour back at every look."""
    assert train(tmp_path / "steady", RUN) == 0
    now = iter(range(2_000_000_000, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    assert train(tmp_path / "jumps", RUN) == 0
    assert lines_of(tmp_path / "jumps") == lines_of(tmp_path / "steady")
    steps = [event.step for event in events_in(tmp_path / "jumps") if event.summary.value]
    assert steps == sorted(steps) and steps[-1] == 6


def test_plainest_locale_and_no_temporary_folder(digits, tmp_path):
    """`LC_ALL=C`, names of other letters, and a `TMPDIR` that is not there."""
    folder = tmp_path / "größe"
    folder.mkdir()
    names = ["ä.png", "ж 1.png", "猫.png"]
    for name, image in zip(names, images(3, (8, 8)), strict=True):
        Image.fromarray(image).save(folder / name)
    plain = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_CTYPE")}
    plain |= {"LC_ALL": "C", "TMPDIR": str(tmp_path / "nowhere")}
    called = aligning(digits[0], folder, tmp_path / "out")
    done = subprocess.run(called, env=plain, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "out" / "poses.csv", newline="", encoding="utf-8") as file:
        assert [line["name"] for line in csv.DictReader(file)] == sorted(names)
    assert sorted(path.name for path in (tmp_path / "out" / "größe").iterdir()) == sorted(names)
    assert "größe" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


@pytest.mark.full
def test_fit_align_killed_at_any_time_ends_alike(tmp_path):
    """By class averages and killed six times at most; the end is that of a run never killed."""
    chance = random.Random(0)
    mark = np.zeros((16, 16))
    mark[4:12, 6:8], mark[10:12, 6:11] = 1, 1
    turned = np.stack([np.rot90(mark, turn % 4) for turn in range(80)])
    np.save(tmp_path / "x.npy", turned + np.random.default_rng(0).normal(0, 0.7, turned.shape))

    def start(folder):
        called = command("fit-align", "--input", tmp_path / "x.npy", "--output", folder)
        return subprocess.Popen(called, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def ended(process, *, seconds=None):
        _, said = process.communicate(timeout=seconds)
        assert process.returncode == 0, said

    # The first one compiles, the second one tells how long the others take.
    for name in ("first", "whole"):
        began = time.monotonic()
        ended(start(tmp_path / name))
        seconds = time.monotonic() - began
    kills = 0
    while kills < 6 and not (tmp_path / "killed" / "align.json").exists():
        process = start(tmp_path / "killed")
        try:
            ended(process, seconds=chance.uniform(0.2, 1) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
    ended(start(tmp_path / "killed"))
    assert kills
    whole, killed = (
        {path.relative_to(folder): held for path, held in contents(folder).items()}
        for folder in (tmp_path / "whole", tmp_path / "killed")
    )
    assert killed.keys() == whole.keys()
    assert [name for name in whole if killed[name] != whole[name]] == []


@pytest.mark.full
def test_twenty_thousand_files_are_aligned(tmp_path):
    """One image a file: none is lost or changes place, and few are open at a time."""
    names = [f"{n // 1000:02}/{n:05}.bmp" for n in range(20_000)]
    folder, out = tmp_path / "many", tmp_path / "out"
    for n, image in enumerate(images(20_000, (SIDE, SIDE))):
        (folder / names[n]).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / names[n])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        align(folder, out, batch_size=1000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with open(out / "poses.csv", newline="") as file:
        assert [line["name"] for line in csv.DictReader(file)] == names
    made = [path.relative_to(out / "many").as_posix() for path in out.glob("many/*/*.bmp")]
    assert sorted(made) == names
