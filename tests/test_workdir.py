"""The work directory: one owner, one process, strict lines, arrays without pickles."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from avae_jax.config.options import EvalOptions, Options, TrainOptions
from avae_jax.core.errors import InputError
from avae_jax.training.workdir import WorkDir

ROOT = Path(__file__).resolve().parent.parent
OTHER = dataclasses.replace(Options(), seed=1)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_directory_is_made_and_claimed(tmp_path):
    with WorkDir(tmp_path / "a" / "b") as workdir:
        workdir.claim(Options())
        assert workdir.saved_options() == Options()
        workdir.compare(Options())


def test_a_directory_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(InputError, match="cannot be written"), WorkDir(folder):
            pass
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"), WorkDir(tmp_path):
        pass


def test_a_second_run_in_the_same_directory_is_refused(tmp_path):
    with WorkDir(tmp_path):
        with pytest.raises(InputError, match="another run"), WorkDir(tmp_path):
            pass
    with WorkDir(tmp_path):
        pass


def test_the_lock_dies_with_its_process(tmp_path):
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


def test_a_file_called_lock_keeps_what_it_holds(tmp_path):
    (tmp_path / "lock").write_text("mine")
    with WorkDir(tmp_path):
        pass
    assert (tmp_path / "lock").read_text() == "mine"


def test_a_directory_of_another_config_is_refused_untouched(tmp_path):
    with WorkDir(tmp_path) as workdir:
        workdir.claim(Options())
        before = contents(tmp_path)
        for owned in (workdir.claim, workdir.compare):
            with pytest.raises(InputError, match="seed=1: was 0"):
                owned(OTHER)
        assert contents(tmp_path) == before


def test_a_damaged_config_is_refused_untouched(tmp_path):
    (tmp_path / "config.json").write_text('{"seed": ')
    with WorkDir(tmp_path) as workdir, pytest.raises(InputError, match="not the JSON"):
        workdir.claim(Options())
    assert (tmp_path / "config.json").read_text() == '{"seed": '


@pytest.mark.parametrize("name", ["metrics.jsonl", "checkpoints", "report"])
def test_results_without_a_config_are_refused(name, tmp_path):
    (tmp_path / name).mkdir()
    with WorkDir(tmp_path) as workdir, pytest.raises(InputError, match=f"holds {name}"):
        workdir.claim(Options())
    assert not (tmp_path / "config.json").exists()


def test_what_may_change_is_written_down(tmp_path):
    longer = Options(train=TrainOptions(steps=2000), eval=EvalOptions(examples=9))
    with WorkDir(tmp_path) as workdir:
        workdir.claim(Options())
        workdir.compare(longer)
        assert workdir.saved_options() == Options()
        workdir.claim(longer)
        assert workdir.saved_options() == longer


def test_a_directory_without_a_config_says_so(tmp_path):
    with pytest.raises(InputError, match="no config.json"):
        WorkDir(tmp_path / "none").saved_options()
    assert list(tmp_path.iterdir()) == []


def test_metrics_are_strict_lines_written_through(tmp_path):
    with WorkDir(tmp_path) as workdir:
        workdir.log(10, {"loss": jnp.float32(0.5), "count": np.int64(3), "kl": float("nan")})
        line = {"step": 10, "loss": 0.5, "count": 3, "kl": None}
        assert workdir.metrics_file.read_text() == json.dumps(line) + "\n"
        workdir.log(20, {"loss": np.float64(np.inf), "phase": "last"})
        assert workdir.read_metrics()[1] == {"step": 20, "loss": None, "phase": "last"}


def test_metrics_are_tensorboard_events_too(tmp_path):
    with WorkDir(tmp_path) as workdir:
        workdir.log(10, {"loss": 0.5, "phase": "first"})
    (file,) = (tmp_path / "tensorboard").iterdir()
    scalars = [
        (event.step, value.tag, value.simple_value)
        for event in map(Event.FromString, records(file.read_bytes()))
        for value in event.summary.value
    ]
    assert scalars == [(10, "loss", 0.5)]


def records(data):
    """The records of a TFRecord file: length, its checksum, bytes, their checksum."""
    while data:
        size = int.from_bytes(data[:8], "little")
        yield data[12 : 12 + size]
        data = data[16 + size :]


def test_a_resumed_run_drops_what_comes_after_the_restored_step(tmp_path):
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


def test_moments_come_back_to_the_bit(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "pose": rng.normal(size=(5, 3, 3)).astype(np.float32),
        "label": np.arange(5),
        "name": np.array(["a", "bc"]),
    }
    with WorkDir(tmp_path) as workdir:
        workdir.save_snapshot(200, arrays)
        workdir.save_snapshot(7, {"pose": jnp.ones(2)})
        (first, _), (second, loaded) = workdir.load_snapshots()
    assert (first, second) == (7, 200)
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


def test_objects_are_no_moment(tmp_path):
    with WorkDir(tmp_path) as workdir, pytest.raises(ValueError, match="moment pose: object"):
        workdir.save_snapshot(1, {"pose": np.array([{}, None])})


@pytest.mark.parametrize("damage", [b"", b"PK", b"\x93NUMPY", None])
def test_a_damaged_moment_is_named(damage, tmp_path):
    with WorkDir(tmp_path) as workdir:
        workdir.save_snapshot(1, {"pose": np.ones((20, 20))})
        (file,) = (tmp_path / "moments").iterdir()
        file.write_bytes(file.read_bytes()[:-40] if damage is None else damage)
        with pytest.raises(InputError, match="00000001.npz: truncated or garbled"):
            workdir.load_snapshots()


def test_a_process_that_does_not_lead_writes_nothing(tmp_path):
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
