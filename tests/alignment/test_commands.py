"""`--mode align` through real files, and processes where these matter."""

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from avae_jax.main import main
from tests.support.alignment_commands import aligning, command, images, succeeded

pytestmark = pytest.mark.standard
# Prints, after everything else, the most memory that the process ever held, in MiB.
# Of this program alone: what `resource` tells begins with the memory of the process that forked.
MEASURED = (
    "import sys; from avae_jax import main; status = main.main(sys.argv[1:]); "
    "lines = open('/proc/self/status').read().splitlines(); "
    "print(next(int(l.split()[1]) for l in lines if l.startswith('VmHWM')) // 1024); "
    "sys.exit(status)"
)
FILES = (
    "poses.csv",
    "latents.npy",
    "sheet.png",
    "index.html",
    "data.json",
    "align.json",
    "files.json",
)


@pytest.fixture
def model(digits):
    """A model of digits of 8 x 8 pixels, which it sees at 24 x 24."""
    return digits[0]


def test_align_command_folder_of_images(model, tmp_path, capsys):
    """A folder of images is aligned."""
    folder = tmp_path / "mine"
    (folder / "b").mkdir(parents=True)
    for n, image in enumerate(images(11, (10, 9))):
        Image.fromarray(image).save(folder / ("b" if n > 5 else ".") / f"{n:02}.png")
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    with jax.numpy_dtype_promotion("standard"):
        assert main(aligning(model, folder, tmp_path / "out", "--reconstructions")[3:]) == 0
    said = capsys.readouterr()
    assert "only the middle" not in said.out
    assert "aligned 11 examples" in said.out and "11/11" in said.err
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
    assert main(aligning(model, folder, tmp_path / "out", "--reconstructions")[3:]) == 0
    assert "finished before" in capsys.readouterr().out


@pytest.mark.full
def test_align_command_says_how_well_poses_are_known(model, tmp_path):
    """Deviations and the probability of another optimum have columns of their own."""
    np.save(tmp_path / "x.npy", images(5, (8, 8)))
    done = succeeded(aligning(model, tmp_path / "x.npy", tmp_path / "out", "--uncertainty"))
    assert "uncertainty: calibrated by 64 examples that the model draws" in done.stdout
    with open(tmp_path / "out" / "poses.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 5 and "shift_sd_px" not in lines[0]
    assert all(0 <= float(line["elsewhere"]) <= 1 for line in lines)
    assert all(0 <= float(line["rotation_sd_deg"]) < 180 for line in lines)


@pytest.mark.full
def test_align_command_killed_ends_alike(model, tmp_path):
    """A killed alignment ends like one never killed."""
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


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_align_command_memory_flat_in_stack_size(model, tmp_path):
    """Memory does not grow with the stack."""
    most = []
    for count in (40, 840):
        np.save(tmp_path / "x.npy", images(count, (256, 256)).astype(np.float32) / 255)
        _, _, _, *rest = aligning(model, tmp_path / "x.npy", tmp_path / str(count))
        # With an arena for each thread the peak varies by some 30 MiB from run to run.
        alone = ["env", "MALLOC_ARENA_MAX=1"]
        done = succeeded([*alone, sys.executable, "-c", MEASURED, *rest])
        assert "The model sees only the middle 12 x 12 of each example" in done.stdout
        most.append(int(done.stdout.split()[-1]))
        (tmp_path / "x.npy").unlink()
    # 800 examples more are 200 MiB more to read, and to write.
    assert most[1] - most[0] < 70


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--mode", "align"], "align: wants --input and --output"),
        (["--mode", "fit-align", "--input", "x"], "fit-align: wants --output"),
        (["--input", "x"], "train: has no use for --input"),
        (["--mode", "evaluate", "--overwrite"], "evaluate: has no use for --overwrite"),
        (["--mode", "align", "--input", "x", "--output", "y"], "runs/digits: no config.json"),
        (["--mode", "fit-align", "--input", "no.npy", "--output", "y"], "no.npy: no such file"),
    ],
)
def test_align_command_refuses_flags_together(flags, said, tmp_path, monkeypatch, capsys):
    """Flags that do not go together are refused."""
    monkeypatch.chdir(tmp_path)
    assert main(flags) == 2
    err = capsys.readouterr().err
    assert said in err and len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["align", "fit-align"])
def test_align_command_finds_existing_files_before_compute(mode, model, tmp_path, capsys):
    """What lies in the output is found before anything is computed."""
    np.save(tmp_path / "x.npy", images(20, (8, 8)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "poses.csv").write_text("mine")
    where = ["--workdir", model] if mode == "align" else []
    called = command(mode, *where, "--input", tmp_path / "x.npy", "--output", tmp_path / "out")
    assert main(called[3:]) == 2
    said = capsys.readouterr()
    assert "holds poses.csv already" in said.err and not said.out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["poses.csv"]
