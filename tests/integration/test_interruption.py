"""Processes that are told to end or killed go on where they can.

`test_going_on` has the same for one process, without starting it.
"""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.support import ROOT
from tests.support.cli import ALONE, ENDLESS, SMALL, lines_of, summary_of
from tests.support.processes import (
    compiled_in,
    ended,
    interruptible,
    ran,
    start,
    terminate,
    wait_for,
)

pytestmark = pytest.mark.standard
LONG = {**ALONE, "train.steps": 300, "log.checkpoint_every": 1000}
# What does not depend on what an update computes, with updates that compile at once.
PLAIN = {**ENDLESS, "train.search": "false", "train.synchronised": 0, "log.checkpoint_every": 1000}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The log of `LONG`, not interrupted."""
    folder = tmp_path_factory.mktemp("survival") / "whole"
    ran(folder, LONG, evaluates=False)
    return lines_of(folder)


def assert_told(results, run):
    """All were told to end, and say after which update the one checkpoint was saved."""
    (saved,) = (path.name for path in (run / "checkpoints").iterdir())
    for status, _, stderr in results:
        assert status == 143, stderr
        assert f"avae_jax: preempted, saved after step {saved}; the same command" in stderr
    return int(saved)


@pytest.mark.full
def test_sigterm_for_one_of_two_processes_stops_both_after_the_same_update(tmp_path):
    processes = start(tmp_path / "run", PLAIN, count=2, evaluates=False)
    wait_for(tmp_path / "run" / "metrics.jsonl", process=processes[0])
    terminate(processes[-1])
    assert assert_told(ended(processes), tmp_path / "run") > 0


@pytest.mark.full
@pytest.mark.parametrize("count", [1, 2])
def test_sigterm_saves_and_the_run_goes_on_to_the_same_bits(count, whole, tmp_path):
    """Whichever process is told, all stop after the same update."""
    options, told = LONG, tmp_path / "told"
    where = {"count": count, "evaluates": False}
    processes = start(told, options, **where)
    wait_for(told / "metrics.jsonl", process=processes[0])
    terminate(processes[-1])
    assert 0 < assert_told(ended(processes), told) < 300
    ran(told, options, **where)
    if count == 1:
        assert lines_of(told) == whole
    assert [line["step"] for line in lines_of(told)] == [line["step"] for line in whole]


@pytest.mark.full
def test_ctrl_c_saves_what_was_done(tmp_path):
    folder = tmp_path / "told"
    with interruptible():
        (process,) = start(folder, ENDLESS, evaluates=False)
    wait_for(folder / "metrics.jsonl", process=process)
    process.send_signal(signal.SIGINT)
    ((status, _, stderr),) = ended([process])
    (saved,) = (path.name for path in (folder / "checkpoints").iterdir())
    assert status == 130, stderr
    assert "Ctrl-C again ends at once" in stderr
    assert f"avae_jax: interrupted, saved after step {saved}; the same command continues" in stderr


@pytest.mark.full
def test_run_killed_ends_alike(whole, tmp_path):
    """A killed run ends like one never killed."""
    killed, options = tmp_path / "killed", {**LONG, "log.checkpoint_every": 20}
    (process,) = start(killed, options, evaluates=False)
    wait_for(killed / "checkpoints" / "20", process=process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    ran(killed, options, evaluates=False)
    assert lines_of(killed) == whole


@pytest.mark.full
def test_sigterm_ends_an_evaluation_made_by_the_same_command(tmp_path):
    """Of two processes, whichever is told; one alone finishes."""
    processes = start(tmp_path / "run", SMALL, count=2)
    wait_for(tmp_path / "run" / "checkpoints" / "4", process=processes[0])
    terminate(processes[-1])
    for status, _, stderr in ended(processes):
        assert status == 143, stderr
        assert "avae_jax: preempted, the trained model is saved" in stderr
    assert not (tmp_path / "run" / "report").exists()
    ran(tmp_path / "run", SMALL)
    assert summary_of(tmp_path / "run")["train"]["steps"] == 4


@pytest.mark.full
def test_soak_finds_no_mismatch_and_memory_flat(tmp_path):
    """With a seed that kills early: by SIGKILL, then by SIGTERM."""
    file, wanted = tmp_path / "soak.json", ["--minutes", "0.5", "--seed", "20389"]
    command = [sys.executable, "-m", "tests.robustness.soak", *wanted, "--json", str(file)]
    # Programs of its own: a process that is killed may leave half of one.
    with compiled_in(tmp_path / "programs"):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(file.read_text())
    assert found["rounds"] >= 1 and found["kills"] >= 1 and found["mismatches"] == 0
    undisturbed, last = found["peak_mib"]
    assert last < 1.1 * undisturbed


@pytest.mark.full
def test_processes_killed_one_stops_all_and_all_go_on(tmp_path):
    """A killed process stops the others and all go on together."""
    where = {"count": 2, "evaluates": False}
    first, second = start(tmp_path / "run", ENDLESS, **where)
    wait_for(tmp_path / "run" / "checkpoints" / "4", process=first)
    second.send_signal(signal.SIGKILL)
    began = time.monotonic()
    (status, _, stderr), _ = ended([first, second])
    assert time.monotonic() - began < 60
    # Either the loop meets the failure or JAX ends the process first.
    assert status in (1, -signal.SIGABRT), stderr
    assert "the work of the processes broke off" in stderr or "another task died" in stderr
    steps = max(line["step"] for line in lines_of(tmp_path / "run"))
    ran(tmp_path / "run", {**ENDLESS, "train.steps": steps + 2}, **where)
    assert lines_of(tmp_path / "run")[-1]["step"] == steps + 2
    assert json.loads((tmp_path / "run" / "config.json").read_text())["train"]["steps"] == steps + 2
