"""One device, many devices and many processes train alike and survive each other.

Every run is a real process: devices are virtual ones of the CPU, processes talk by gloo.
"""

import json
import signal
import time

import jax
import pytest
from processes import ended, ran, start, terminate, wait_for
from test_end_to_end import SMALL, compiled_once, lines_of, summary_of  # noqa: F401

from avae_jax import config, loop

# The model and the batch of the digits as they are; the batch does not divide the data.
FULL = {
    "data.limit": 150,
    "train.schedule": "constant",
    "train.warmup": 4,
    "log.every": 1,
    "log.checkpoint_every": 100,
    "log.moments": 0,
}
OVERRIDES = [f"{name}={value}" for name, value in SMALL.items()]
STEPS, LATER = 20, 22
MANY = [
    {"devices": 2},
    {"devices": 4},
    {"devices": 8},
    {"count": 2, "devices": 2},
    {"count": 4, "devices": 1},
]
ENDLESS = {**SMALL, "train.steps": 100_000, "log.every": 1, "log.moments": 0}


def named(where):
    return "-".join(f"{number}-{what}" for what, number in where.items())


def trained(workdir, steps, **where):
    ran(workdir, {**FULL, "train.steps": steps}, evaluates=False, **where)
    return lines_of(workdir)


def assert_alike(lines, wanted):
    assert [line["step"] for line in lines] == [line["step"] for line in wanted]
    for line, other in zip(lines, wanted, strict=True):
        assert line["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert line["nonfinite"] == 0


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The log of one device, and a folder for the runs of others."""
    folder = tmp_path_factory.mktemp("scale")
    return folder, trained(folder / "alone", LATER)


@pytest.mark.parametrize("where", MANY, ids=named)
def test_many_train_like_one(where, alone):
    folder, wanted = alone
    assert_alike(trained(folder / named(where), STEPS, **where), wanted[:STEPS])


@pytest.mark.parametrize(
    "before, after",
    [(MANY[2], {"devices": 1}), (MANY[4], MANY[1]), ({"devices": 1}, MANY[3])],
    ids=["8-devices-to-1", "4-processes-to-4-devices", "1-device-to-2-processes"],
)
def test_a_checkpoint_of_any_restores_on_any_other(before, after, alone, tmp_path):
    folder, wanted = alone
    workdir = folder / named(before)
    if not workdir.exists():
        workdir = tmp_path / "run"
        trained(workdir, STEPS, **before)
    assert_alike(trained(workdir, LATER, **after), wanted)


def test_processes_evaluate_together_and_one_writes(tmp_path):
    first, *others = ran(tmp_path / "two", SMALL, count=2, devices=2)
    (alone,) = ran(tmp_path / "one", SMALL)
    assert "report" in first[1] and "of 2 processes" in first[1]
    for _, stdout, stderr in others:
        assert "report" not in stdout and "step" not in stderr
    together, one = summary_of(tmp_path / "two"), summary_of(tmp_path / "one")
    assert "report" in alone[1]
    for name, loss in one["loss"].items():
        # An untrained model has poses that tie nearly, and 16 examples are few.
        assert together["loss"][name] == pytest.approx(loss, rel=0.01)
    assert (tmp_path / "two" / "report" / "index.html").stat().st_size > 10_000


def test_an_update_moves_nothing_between_host_and_devices(tmp_path, monkeypatch):
    """JAX refuses what is not asked for in so many words; the step is compiled under it too."""
    seen = []
    options = config.to_options(config.apply_overrides(config.load_file("digits"), OVERRIDES))
    compiled_step = loop.compiled_step

    def watched(experiment):
        step = compiled_step(experiment)

        def guarded(*arguments):
            seen.append(jax.config.jax_transfer_guard)
            return step(*arguments)

        return guarded

    monkeypatch.setattr(loop, "compiled_step", watched)
    monkeypatch.setattr(loop, "conclude", lambda *finished: None)
    with jax.numpy_dtype_promotion("standard"):
        loop.train(options, tmp_path / "run")
    assert seen == ["disallow"] * SMALL["train.steps"]


def test_a_batch_that_devices_cannot_share_is_refused(tmp_path):
    ((status, _, stderr),) = ended(start(tmp_path / "run", SMALL, devices=3))
    assert status == 2
    assert "train.batch_size=16: wanted a multiple of the 3 devices" in stderr
    assert len(stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_processes_that_do_not_meet_are_an_error(tmp_path):
    """Each would train a copy of its own."""
    alone = {"count": 1, "evaluates": True}
    for extra, said in (
        (["--multihost"], "--multihost: the processes did not come together"),
        (["--process", "0"], "--process 0: wanted together with --multihost"),
    ):
        process = start(tmp_path / "run", SMALL, extra=extra, **alone)
        ((status, _, stderr),) = ended(process)
        assert status == (1 if "--multihost" in extra else 2)
        assert stderr.startswith(f"avae_jax: {said}")
        assert len(stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("count", [1, 2])
def test_sigterm_saves_and_the_same_command_goes_on_to_the_same_bits(count, tmp_path):
    """Whichever process is told, all stop after the same update."""
    options = {**SMALL, "train.steps": 300, "log.moments": 0, "log.checkpoint_every": 1000}
    told, whole = tmp_path / "told", tmp_path / "whole"
    where = {"count": count, "evaluates": False}
    processes = start(told, options, **where)
    wait_for(told / "metrics.jsonl", process=processes[0])
    terminate(processes[-1])
    results = ended(processes)
    for status, _, stderr in results:
        assert status == 143, stderr
        assert "avae_jax: preempted, saved after step " in stderr
    (saved,) = (path.name for path in (told / "checkpoints").iterdir())
    assert f"saved after step {saved}; the same command goes on from there" in results[0][2]
    assert 0 < int(saved) < 300
    ran(told, options, **where)
    ran(whole, options, **where)
    assert lines_of(told) == lines_of(whole)


def test_a_killed_process_stops_the_others_and_all_go_on_together(tmp_path):
    where = {"count": 2, "evaluates": False}
    first, second = start(tmp_path / "run", ENDLESS, **where)
    wait_for(tmp_path / "run" / "checkpoints" / "4", process=first)
    second.send_signal(signal.SIGKILL)
    began = time.monotonic()
    (status, _, stderr), _ = ended([first, second])
    assert time.monotonic() - began < 60
    # Either the loop meets the failure or JAX ends the process first.
    assert status in (1, -signal.SIGABRT)
    assert "the work of the processes broke off" in stderr or "another task died" in stderr
    steps = max(line["step"] for line in lines_of(tmp_path / "run"))
    ran(tmp_path / "run", {**ENDLESS, "train.steps": steps + 2}, **where)
    assert lines_of(tmp_path / "run")[-1]["step"] == steps + 2
    assert json.loads((tmp_path / "run" / "config.json").read_text())["train"]["steps"] == steps + 2
