"""What breaks around a run: a full disk, one that cannot be written."""

import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.workdir import WorkDir
from tests.support import ROOT
from tests.support.cli import ENDLESS, lines_of
from tests.support.processes import ended, start, wait_for
from tests.support.trainings import train

pytestmark = pytest.mark.standard
# Updates that compile at once.
PLAIN = {**ENDLESS, "train.search": "false", "train.synchronised": 0}


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


@pytest.mark.full
def test_full_disk_ends_a_run_that_can_go_on(disk):
    """A full disk ends a run and with room it goes on."""
    run = disk / "run"
    processes = start(run, PLAIN, evaluates=False)
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
    assert train(run, {**PLAIN, "train.steps": step + 2}) == 0
    assert [line["step"] for line in lines_of(run)] == list(range(1, step + 3))


def test_workdir_on_a_read_only_disk_refused(disk):
    """A disk that cannot be written is refused."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(InputError, match="cannot be written, Read-only file system"):
        with WorkDir(disk / "run"):
            pass


def test_checkpoint_too_large_leaves_the_one_before(tmp_path):
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
