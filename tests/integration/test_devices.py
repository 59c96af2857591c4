"""One device, many devices and many processes train alike.

Many devices are virtual ones of the CPU of another process, processes talk by gloo; one device
is that of this process.
"""

import json
import os
import subprocess
import sys

import jax
import pytest

from avae_jax import main
from tests.support import ROOT
from tests.support.analytic_problems import METHODS
from tests.support.cli import SMALL, lines_of, summary_of
from tests.support.processes import ended, free_port, ran, start, with_devices
from tests.support.trainings import train, words

pytestmark = pytest.mark.standard
LAUNCHER = ROOT / "launch" / "processes.sh"
# A real batch of smaller digits, which does not divide the data: with a few examples a pose
# that ties nearly, and flips, would be seen in the mean.
REAL = {
    "data.limit": 150,
    "data.size": 16,
    "data.scale": 1.5,
    "model.hidden": "128",
    "search.starts": 8,
    "search.prototypes": 8,
    "search.turns": 32,
    "train.schedule": "constant",
    "train.warmup": 4,
    "log.every": 1,
    "log.checkpoint_every": 100,
    "log.moments": 0,
}
OVERRIDES = [f"{name}={value}" for name, value in SMALL.items()]
STEPS, LATER = 5, 7
# Where training begins, and where its checkpoint is taken up.
MOVES = [
    ({"devices": 8}, {"devices": 1}),
    pytest.param({"count": 2, "devices": 2}, {"devices": 2}, marks=pytest.mark.full),
    pytest.param({"count": 4}, {"devices": 4}, marks=pytest.mark.full),
]


def trained(workdir, steps, *, batch=128, more=(), **where):
    options = {**REAL, "train.steps": steps, "train.batch_size": batch, **dict(more)}
    if where == {"devices": 1}:
        assert train(workdir, options) == 0
    else:
        ran(workdir, options, evaluates=False, **where)
    return lines_of(workdir)


def assert_alike(lines, wanted):
    assert [line["step"] for line in lines] == [line["step"] for line in wanted]
    for line, other in zip(lines, wanted, strict=True):
        assert line["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert line["nonfinite"] == 0


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The log of one device."""
    return trained(tmp_path_factory.mktemp("scale") / "alone", LATER, devices=1)


def named(where):
    return "-".join(f"{number}-{what}" for what, number in where.items())


@pytest.mark.full
@pytest.mark.parametrize("before, after", MOVES, ids=named)
def test_devices_and_processes_train_as_one(before, after, alone, tmp_path):
    """Many train like one and their checkpoint goes on anywhere."""
    assert_alike(trained(tmp_path / "run", STEPS, **before), alone[:STEPS])
    assert_alike(trained(tmp_path / "run", LATER, **after), alone)


@pytest.mark.full
def test_devices_remember_poses_as_one(tmp_path):
    """The table of poses is the same, and goes on from a checkpoint of more devices."""
    more = {"data.pose": "as_is", "search.every": 4, "train.synchronised": 0}
    alone = trained(tmp_path / "alone", 12, more=more)
    assert_alike(trained(tmp_path / "two", 9, more=more, devices=2), alone[:9])
    assert_alike(trained(tmp_path / "two", 12, more=more, devices=1), alone)


@pytest.mark.full
@pytest.mark.parametrize(
    "batch, where, steps",
    [(4, {"devices": 8}, STEPS), pytest.param(1, {"count": 2}, 4, marks=pytest.mark.full)],
    ids=["8-devices-4-examples", "2-processes-1-example"],
)
def test_devices_beyond_the_examples_share_the_search(batch, where, steps, tmp_path):
    """Devices beyond the examples share their search."""
    many = trained(tmp_path / "many", steps, batch=batch, **where)
    assert_alike(many, trained(tmp_path / "alone", steps, batch=batch, devices=1))


@pytest.mark.full
def test_devices_that_share_an_example_find_as_one():
    """By every method; six devices, of which three share."""
    program = [sys.executable, "-m", "tests.support.device_sharing", "3"]
    strict = with_devices(6) | {"PYTHONWARNINGS": "error"}
    done = subprocess.run(program, cwd=ROOT, env=strict, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == dict.fromkeys(METHODS, pytest.approx(0, abs=1e-4))


@pytest.mark.full
def test_processes_evaluate_together_and_one_writes(digits, tmp_path):
    """Through the launcher, whose processes share one standard output."""
    overrides = [f"--config.{line}" for line in OVERRIDES]
    called = [LAUNCHER, "2", "--workdir", tmp_path / "two", *overrides]
    environment = {"PYTHON": sys.executable, "PORT": str(free_port())}
    done = subprocess.run(
        called, env=os.environ | environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "of 2 processes" in done.stdout
    assert done.stdout.count("report: ") == done.stdout.count("loss in nats") == 1
    together, alone = summary_of(tmp_path / "two"), summary_of(digits[0])
    for name, loss in alone["loss"].items():
        # A model that has learned nothing has poses that tie nearly, and 8 examples are few.
        assert together["loss"][name] == pytest.approx(loss, rel=0.01)
    assert (tmp_path / "two" / "report" / "index.html").stat().st_size > 10_000


def test_batch_that_devices_cannot_share_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(jax, "device_count", lambda: 3)
    assert train(tmp_path / "run", SMALL) == 2
    said = capsys.readouterr().err
    assert "train.batch_size=16: wanted a multiple of the 3 devices, or a divisor" in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_processes_that_do_not_meet_are_an_error(tmp_path):
    """Each would train a copy of its own."""
    ((status, _, stderr),) = ended(start(tmp_path / "run", SMALL, extra=["--multihost"]))
    assert status == 1
    assert stderr.startswith("avae_jax: --multihost: the processes did not come together")
    assert len(stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_number_of_a_process_alone_refused(tmp_path, capsys):
    called = [*words(tmp_path / "run", SMALL), "--process", "0"]
    assert main.main(called) == 2
    said = capsys.readouterr().err
    assert said == "avae_jax: --process 0: wanted together with --multihost\n"
    assert not (tmp_path / "run").exists()
