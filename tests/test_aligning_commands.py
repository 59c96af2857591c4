"""`--mode align` and `--mode fit-align` through real files and processes."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_end_to_end import compiled_once  # noqa: F401

from avae_jax.alignment.auto_options import SAMPLED
from avae_jax.main import main

SMALL = {
    "data.limit": 48,
    "model.hidden": "24",
    "model.latent": 3,
    "search.starts": 3,
    "search.keep": 1,
    "search.steps": 1,
    "search.prototypes": 4,
    "search.turns": 12,
    "train.steps": 2,
    "train.batch_size": 16,
    "eval.examples": 8,
    "eval.batch_size": 8,
    "eval.curve_points": 2,
    "eval.curve_examples": 8,
    "eval.marginal_examples": 0,
    "eval.explored": "false",
    "log.moments": 0,
}
# Prints, after everything else, the most memory that the process ever held, in MiB.
# Of this program alone: what `resource` tells begins with the memory of the process that forked.
MEASURED = (
    "import sys; from avae_jax import main; status = main.main(sys.argv[1:]); "
    "lines = open('/proc/self/status').read().splitlines(); "
    "print(next(int(l.split()[1]) for l in lines if l.startswith('VmHWM')) // 1024); "
    "sys.exit(status)"
)
FILES = ("poses.csv", "latents.npy", "sheet.png", "align.json", "files.json")


def command(mode, *flags, **changes):
    overrides = [f"--config.{name.replace('__', '.')}={value}" for name, value in changes.items()]
    return [sys.executable, "-m", "avae_jax.main", "--mode", mode, *map(str, flags), *overrides]


def run(called):
    return subprocess.run(called, capture_output=True, text=True, timeout=300)


def succeeded(called):
    done = run(called)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def model(digits):
    """A model of digits of 8 x 8 pixels, which it sees at 24 x 24."""
    return digits[0]


def aligning(model, stack, output, *flags, **changes):
    return command(
        "align", "--workdir", model, "--input", stack, "--output", output, *flags, **changes
    )


def images(count, shape, dtype="u1"):
    return np.random.default_rng(0).integers(0, 255, (count, *shape)).astype(dtype)


def test_a_folder_of_images_is_aligned(model, tmp_path):
    folder = tmp_path / "mine"
    (folder / "b").mkdir(parents=True)
    for n, image in enumerate(images(11, (10, 9))):
        Image.fromarray(image).save(folder / ("b" if n > 5 else ".") / f"{n:02}.png")
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    done = succeeded(aligning(model, folder, tmp_path / "out", "--reconstructions"))
    assert "only the middle" not in done.stdout
    assert "aligned 11 examples" in done.stdout and "11/11" in done.stderr
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*.png"))]
    for made in (tmp_path / "out" / "mine", tmp_path / "out" / "reconstructions" / "mine"):
        assert [path.relative_to(made) for path in sorted(made.rglob("*.png"))] == names
        with Image.open(made / names[0]) as image:
            assert image.size == (9, 10) and image.mode == "L"
    with open(tmp_path / "out" / "poses.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines] == [name.as_posix() for name in names]
    # From 9 to 24 pixels the centre would move by half a pixel, if nothing were scaled.
    assert {"rotation_deg", "align_rotation_deg"} <= set(lines[0]) and "shift_x_px" not in lines[0]
    assert before == {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("mine", "reconstructions", "lock"),
        *FILES,
    }
    again = succeeded(aligning(model, folder, tmp_path / "out", "--reconstructions"))
    assert "finished before" in again.stdout


def test_a_killed_alignment_ends_like_one_never_killed(model, tmp_path):
    np.savez(tmp_path / "x.npz", images=images(900, (8, 8)), labels=np.arange(900))
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(
        aligning(model, tmp_path / "x.npz", killed),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    progress, deadline = killed / "unfinished" / "done.json", time.monotonic() + 120
    while not progress.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert progress.exists() and not (killed / "align.json").exists()
    for folder in (killed, whole):
        succeeded(aligning(model, tmp_path / "x.npz", folder))
    for name in ("x.npz", *FILES):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    with np.load(whole / "x.npz") as made:
        np.testing.assert_array_equal(made["labels"], np.arange(900))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_stack(model, tmp_path):
    most = []
    for count in (40, 840):
        np.save(tmp_path / "x.npy", images(count, (256, 256)).astype(np.float32) / 255)
        _, _, _, *rest = aligning(model, tmp_path / "x.npy", tmp_path / str(count))
        done = succeeded([sys.executable, "-c", MEASURED, *rest])
        assert "The model sees only the middle 12 x 12 of each example" in done.stdout
        most.append(int(done.stdout.split()[-1]))
        (tmp_path / "x.npy").unlink()
    # 800 examples more are 200 MiB more to read, and to write.
    assert most[1] - most[0] < 70


def test_one_command_for_a_folder(tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    for n, image in enumerate(images(30, (60, 52, 3))):
        Image.fromarray(image).save(folder / f"{n:02}.png")
    small = {name: v for name, v in SMALL.items() if name not in ("data.limit", "train.batch_size")}
    called = command("fit-align", "--input", folder, "--output", tmp_path / "out", **small)
    done = succeeded(called)
    assert "Shown to the model at 48 x 48" in done.stdout
    with Image.open(tmp_path / "out" / "mine" / "07.png") as image:
        assert image.size == (52, 60) and image.mode == "RGB"
    config = json.loads((tmp_path / "out" / "model" / "config.json").read_text())
    assert config["data"]["source"] == f"stack:{folder}" and config["data"]["pose"] == "as_is"
    assert config["train"]["batch_size"] == 24
    # Images in poses of their own: nobody can tell how well found poses agree.
    summary = json.loads((tmp_path / "out" / "model" / "report" / "summary.json").read_text())
    assert set(summary["pose"].values()) == {summary["loss"]["posed_true"]} == {None}
    assert "as they come" in done.stdout and "poses:" not in done.stdout
    assert (tmp_path / "out" / "model" / "report" / "index.html").exists()
    again = succeeded(called)
    assert "finished before" in again.stdout and "evaluating" not in again.stdout
    for steps, said in (
        (1, f"train.steps=1: the model in {tmp_path / 'out' / 'model'} has 2 updates"),
        (3, f"output {tmp_path / 'out'}: holds the alignment by a model of 2 updates, and "),
    ):
        assert main([*called[3:], f"--config.train.steps={steps}"]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--mode", "align"], "--mode align: wants --input and --output"),
        (["--mode", "fit-align", "--input", "x"], "--mode fit-align: wants --output"),
        (["--input", "x"], "--mode train: has no use for --input"),
        (["--mode", "evaluate", "--overwrite"], "--mode evaluate: has no use for --overwrite"),
        (["--mode", "align", "--input", "x", "--output", "y"], "runs/digits: no config.json"),
        (["--mode", "fit-align", "--input", "no.npy", "--output", "y"], "no.npy: no such file"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags, said, tmp_path):
    called = [sys.executable, "-m", "avae_jax.main", *flags]
    done = subprocess.run(called, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["align", "fit-align"])
def test_what_lies_in_the_output_is_found_before_anything_is_computed(mode, model, tmp_path):
    np.save(tmp_path / "x.npy", images(20, (8, 8)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "poses.csv").write_text("mine")
    where = ["--workdir", model] if mode == "align" else []
    called = command(mode, *where, "--input", tmp_path / "x.npy", "--output", tmp_path / "out")
    done = run(called)
    assert done.returncode == 2 and "holds poses.csv already" in done.stderr
    assert not done.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["poses.csv"]


def test_nan_that_a_first_look_misses_is_found_before_training(tmp_path, capsys):
    stack = np.random.default_rng(0).random((300, 16, 16)).astype(np.float32)
    looked_at = np.linspace(0, 299, SAMPLED).round()
    missed = next(place for place in range(300) if place not in looked_at)
    stack[missed, 2, 2] = np.nan
    np.save(tmp_path / "x.npy", stack)
    flags = ["--mode", "fit-align", "--input", tmp_path / "x.npy", "--output", tmp_path / "out"]
    assert main(list(map(str, flags))) == 2
    said = capsys.readouterr().err
    assert f"example {missed} holds NaN" in said and "skip_broken" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
