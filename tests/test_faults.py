"""What breaks around a run: a full disk, one that cannot be written, damaged examples."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from processes import ended, ran, start, wait_for
from test_checkpoint import ROOT
from test_end_to_end import compiled_once, lines_of  # noqa: F401
from test_survival import ENDLESS

from avae_jax.config.options import DataOptions, Options
from avae_jax.core.errors import InputError, NumericalError
from avae_jax.data import load
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.recorder import Recorder
from avae_jax.training.workdir import WorkDir, seconds_of


@pytest.fixture
def disk(tmp_path):
    """A disk of 4 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount, which makes a small disk")
    if done.returncode:
        pytest.skip(f"a small disk cannot be made: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder):
    """Leaves no room on the disk of `folder`."""
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def test_a_full_disk_ends_a_run_and_with_room_it_goes_on(disk):
    run = disk / "run"
    processes = start(run, ENDLESS, evaluates=False)
    wait_for(run / "checkpoints" / "4", process=processes[0])
    fill(disk)
    ((status, _, stderr),) = ended(processes, seconds=120)
    assert status == 2, stderr
    # Threads of the storage may have printed before it that their event loop is closed.
    last = stderr.strip().splitlines()[-1]
    assert last.startswith("avae_jax: checkpoints ")
    assert "cannot be written, No space left on device" in last
    (disk / "filler").unlink()
    names = [path.name for path in (run / "checkpoints").iterdir()]
    step = max(int(name) for name in names if name.isdecimal())
    ran(run, {**ENDLESS, "train.steps": step + 2}, evaluates=False)
    assert [line["step"] for line in lines_of(run)] == list(range(1, step + 3))


def test_a_disk_that_cannot_be_written_is_refused(disk):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(InputError, match="cannot be written, Read-only file system"):
        with WorkDir(disk / "run"):
            pass


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tmp_path):
    """A limit of file sizes stands for a full disk where none can be made."""
    code = (
        "import resource, sys, jax, jax.numpy as jnp\n"
        "from avae_jax.training.checkpoint import Checkpoints\n"
        "from avae_jax.core.errors import InputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try:\n"
        "    with Checkpoints(sys.argv[1], keep=2, every=1) as saved:\n"
        "        saved.save(1, {'w': jnp.ones(4)})\n"
        "        saved.save(2, {'w': jax.random.normal(jax.random.key(0), (500_000,))})\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-B", "-c", code, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"checkpoints {tmp_path}: cannot be written, " in done.stdout
    assert "the last good one is kept" in done.stdout
    with Checkpoints(tmp_path, keep=2, every=1) as saved:
        state, step = saved.restore_latest({"w": jnp.zeros(4)})
    assert step == 1
    np.testing.assert_array_equal(state["w"], np.ones(4))


def test_a_loss_that_is_not_finite_is_not_saved(tmp_path):
    options = Options()
    with WorkDir(tmp_path) as workdir, Checkpoints(tmp_path / "c", keep=2, every=1) as saved:
        saved.save(1, {"w": jnp.ones(4)})
        recorder = Recorder(SimpleNamespace(options=options), workdir, saved, None, None)
        metrics = {"loss": jnp.array(1.0), "kl": jnp.array(jnp.nan)}
        last = options.log.checkpoint_every
        with pytest.raises(NumericalError, match=f"kl=nan at step {last}.*last good checkpoint"):
            recorder.after(last, None, metrics)
        saved.wait()
        assert saved.steps() == [1]
        assert not workdir.metrics_file.exists()


@pytest.mark.parametrize("text", ["", "[]", '"long"', "-5.0", "NaN", "[" * 100_000, "9" * 6000])
def test_a_garbled_clock_begins_anew(text, tmp_path):
    (tmp_path / "seconds.json").write_text(text)
    assert seconds_of(WorkDir(tmp_path)) == 0.0


def test_garbled_lines_of_the_log_are_dropped(tmp_path):
    lines = ['{"step": 1, "loss": 2.5}', '{"step": 2, "loss": NaN}', "[" * 10_000, "\x00", "null"]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, '{"step": 3, "loss": 1e999}', ""]))
    with WorkDir(tmp_path) as workdir:
        assert workdir.read_metrics() == [{"step": 1, "loss": 2.5}]
        workdir.truncate_after(5)
    assert lines_of(tmp_path) == [{"step": 1, "loss": 2.5}]


def images(folder: Path, broken=()):
    """Ten images in two folders of labels; the `broken` ones are cut short."""
    for number in range(10):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), 20 * number, np.uint8)).save(path)
        if number in broken:
            path.write_bytes(path.read_bytes()[:40])
    return DataOptions(source=f"folder:{folder}")


@pytest.mark.parametrize("broken", [(0, 3), (3, 9)])
def test_broken_images_are_named_and_counted_and_left_out_if_asked(broken, tmp_path):
    options = images(tmp_path, broken)
    first = min(f"{'ab'[number % 2]}/{number}.png" for number in broken)
    named = f"[ab]/({'|'.join(map(str, broken))})"
    with pytest.raises(InputError, match=f"{named}.png: .*of [0-9]+ images read [12] are broken"):
        load(options, seed=0)
    dataset = load(DataOptions(source=options.source, skip_broken=True), seed=0)
    assert len(dataset.train) + len(dataset.test) == 8
    values = np.concatenate([dataset.train, dataset.test])[:, 0, 0, 0]
    assert not set(np.round(values * 255)) & {20.0 * number for number in broken}
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    np.testing.assert_array_equal(labels, np.round(values * 255) % 40 == 20)
    assert any(f"2 of 10 image files, the first {tmp_path}/{first}" in n for n in dataset.notes)


def test_where_all_images_are_broken_there_is_nothing_to_leave_out(tmp_path):
    options = images(tmp_path, range(10))
    with pytest.raises(InputError, match="10 of 10 image files are broken"):
        load(DataOptions(source=options.source, skip_broken=True), seed=0)


def test_examples_with_nan_are_left_out_if_asked(tmp_path):
    array = np.random.default_rng(0).random((20, 8, 8)).astype(np.float32)
    array[[4, 11], 2, 3] = np.nan, np.inf
    np.savez(tmp_path / "x.npz", images=array, labels=np.arange(20))
    source = f"npz:{tmp_path / 'x.npz'}"
    with pytest.raises(InputError, match="example (4|11) holds NaN or infinity.*skip_broken=true"):
        load(DataOptions(source=source), seed=0)
    dataset = load(DataOptions(source=source, skip_broken=True), seed=0)
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    assert set(labels) == set(range(20)) - {4, 11}
    values = np.concatenate([dataset.train, dataset.test])
    np.testing.assert_array_equal(values[..., 0], array[labels])
    assert sum("with NaN or infinity" in note for note in dataset.notes) in (1, 2)
