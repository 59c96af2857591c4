"""The work directory: one owner, one process, strict lines, arrays without pickles."""

import dataclasses
import json
import os
import signal
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import EvalOptions, Options, TrainOptions
from avae_jax.core.errors import InputError
from avae_jax.training.workdir import WorkDir, seconds_of
from tests.support import ROOT
from tests.support.cli import lines_of


@pytest.mark.parametrize("text", ["", "[]", '"long"', "-5.0", "NaN", "[" * 100_000, "9" * 6000])
def test_seconds_of_garbled_clock_is_zero(text, tmp_path):
    """A garbled clock begins anew."""
    (tmp_path / "seconds.json").write_text(text)
    assert seconds_of(WorkDir(tmp_path)) == 0.0


def test_read_metrics_drops_garbled_lines(tmp_path):
    """Garbled lines of the log are dropped."""
    lines = ['{"step": 1, "loss": 2.5}', '{"step": 2, "loss": NaN}', "[" * 10_000, "\x00", "null"]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, '{"step": 3, "loss": 1e999}', ""]))
    with WorkDir(tmp_path) as workdir:
        assert workdir.read_metrics() == [{"step": 1, "loss": 2.5}]
        workdir.truncate_after(5)
    assert lines_of(tmp_path) == [{"step": 1, "loss": 2.5}]


OTHER = dataclasses.replace(Options(), seed=1)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_workdir_made_and_claimed(tmp_path):
    """A directory is made and claimed."""
    with WorkDir(tmp_path / "a" / "b") as workdir:
        workdir.claim(Options())
        assert workdir.saved_options() == Options()
        workdir.compare(Options())


def test_workdir_not_writable_refused(tmp_path):
    """A directory that cannot be written is refused."""
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(InputError, match="cannot be written"), WorkDir(folder):
            pass
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_workdir_read_only_refused(tmp_path):
    """A read only directory is refused."""
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"), WorkDir(tmp_path):
        pass


def test_workdir_second_run_refused(tmp_path):
    """A second run in the same directory is refused."""
    with WorkDir(tmp_path):
        with pytest.raises(InputError, match="another run"), WorkDir(tmp_path):
            pass
    with WorkDir(tmp_path):
        pass


def test_workdir_lock_dies_with_its_process(tmp_path):
    code = (
        "import sys, time\n"
        "from avae_jax.training.workdir import WorkDir\n"
        "with WorkDir(sys.argv[1]):\n"
        "    print('locked', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-B", "-c", code, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as other:
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(InputError, match="another run"), WorkDir(tmp_path):
            pass
        other.send_signal(signal.SIGKILL)
    with WorkDir(tmp_path):
        pass


def test_workdir_file_called_lock_keeps_its_text(tmp_path):
    """A file called lock keeps what it holds."""
    (tmp_path / "lock").write_text("mine")
    with WorkDir(tmp_path):
        pass
    assert (tmp_path / "lock").read_text() == "mine"


def test_workdir_of_another_config_refused_untouched(tmp_path):
    """A directory of another config is refused untouched."""
    with WorkDir(tmp_path) as workdir:
        workdir.claim(Options())
        before = contents(tmp_path)
        for owned in (workdir.claim, workdir.compare):
            with pytest.raises(InputError, match="seed=1: was 0"):
                owned(OTHER)
        assert contents(tmp_path) == before


def test_workdir_damaged_config_refused_untouched(tmp_path):
    (tmp_path / "config.json").write_text('{"seed": ')
    with WorkDir(tmp_path) as workdir, pytest.raises(InputError, match="not the JSON"):
        workdir.claim(Options())
    assert (tmp_path / "config.json").read_text() == '{"seed": '


@pytest.mark.parametrize("name", ["metrics.jsonl", "checkpoints", "report"])
def test_workdir_results_without_config_refused(name, tmp_path):
    (tmp_path / name).mkdir()
    with WorkDir(tmp_path) as workdir, pytest.raises(InputError, match=f"holds {name}"):
        workdir.claim(Options())
    assert not (tmp_path / "config.json").exists()


def test_workdir_changes_that_are_allowed_written_down(tmp_path):
    """What may change is written down."""
    longer = Options(train=TrainOptions(steps=2000), eval=EvalOptions(examples=9))
    with WorkDir(tmp_path) as workdir:
        workdir.claim(Options())
        workdir.compare(longer)
        assert workdir.saved_options() == Options()
        workdir.claim(longer)
        assert workdir.saved_options() == longer


def test_workdir_without_config_says_so(tmp_path):
    """A directory without a config says so."""
    with pytest.raises(InputError, match="no config.json"):
        WorkDir(tmp_path / "none").saved_options()
    assert list(tmp_path.iterdir()) == []


def test_metrics_strict_lines_written_through(tmp_path):
    with WorkDir(tmp_path) as workdir:
        workdir.log(10, {"loss": jnp.float32(0.5), "count": np.int64(3), "kl": float("nan")})
        line = {"step": 10, "loss": 0.5, "count": 3, "kl": None}
        assert workdir.metrics_file.read_text() == json.dumps(line) + "\n"
        workdir.log(20, {"loss": np.float64(np.inf), "phase": "last"})
        assert workdir.read_metrics()[1] == {"step": 20, "loss": None, "phase": "last"}


def test_workdir_resumed_drops_later_lines(tmp_path):
    """A resumed run drops what comes after the restored step."""
    with WorkDir(tmp_path) as workdir:
        for step in (10, 20, 30):
            workdir.log(step, {"loss": step / 8})
            workdir.save_snapshot(step, {"pose": np.eye(3)})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 40, "lo')
    with WorkDir(tmp_path) as workdir:
        assert [record["step"] for record in workdir.read_metrics()] == [10, 20, 30]
        workdir.truncate_after(20)
        workdir.log(30, {"loss": 0.0})
        assert [record["step"] for record in workdir.read_metrics()] == [10, 20, 30]
        assert workdir.read_metrics()[-1]["loss"] == 0.0
        assert [step for step, _ in workdir.load_snapshots()] == [10, 20]
        workdir.truncate_after(-1)
        assert workdir.read_metrics() == workdir.load_snapshots() == []


def test_workdir_that_does_not_lead_writes_nothing(tmp_path):
    """A process that does not lead writes nothing."""
    with WorkDir(tmp_path, leads=False) as follower:
        follower.claim(Options())
        follower.log(1, {"loss": 1.0})
        follower.truncate_after(0)
        follower.write_json("seconds.json", 1.0)
        follower.save_snapshot(1, {"found": np.zeros(3)})
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(InputError, match="wanted one directory that all hosts share"):
            follower.require_shared()
        # The lock is the leader's.
        with WorkDir(tmp_path) as leader:
            leader.claim(Options())
            leader.log(1, {"loss": 1.0})
        follower.require_shared()
        assert follower.saved_options() == Options()
        assert [line["step"] for line in follower.read_metrics()] == [1]
