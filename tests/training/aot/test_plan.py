"""Planning a run on chips that are not there: the real train step, compiled for them."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from avae_jax.config import files
from avae_jax.training.aot.plan import planned as planned_for
from avae_jax.training.aot.topology import topology
from avae_jax.training.experiment import prepare

tpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason="libtpu is not installed: pip install 'avae_jax[plan]'",
)
SMALL = (
    "model.hidden=64",
    "search.starts=4",
    "search.prototypes=4",
    "search.steps=2",
    "train.batch_size=32",
)


def run(*arguments: str, folder=None) -> subprocess.CompletedProcess:
    """The command line in a process of its own, as a user runs it."""
    command = [sys.executable, "-m", "avae_jax.main", "--mode", "plan", *arguments]
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)


def planned(folder, experiment: str, name: str, *overrides: str) -> dict:
    """What is written for a small model of a config on the topology `name`."""
    file = folder / f"{len(os.listdir(folder))}.json"
    given = [f"--config.{text}" for text in (*SMALL, *overrides)]
    flags = ["--config", experiment, "--topology", name, "--json", str(file)]
    done = run(*flags, *given, folder=folder)
    assert done.returncode == 0, done.stderr
    assert name in done.stdout
    assert {Path(name).suffix for name in os.listdir(folder)} == {".json"}
    return json.loads(file.read_text())


def here(name: str, *overrides: str) -> dict:
    """What a small model of digits takes, found in this process: a start less."""
    chosen = files.apply_overrides(files.load_file("digits"), (*SMALL, *overrides))
    with jax.numpy_dtype_promotion("standard"):
        return planned_for(prepare(files.to_options(chosen)), topology(name))


@pytest.mark.full
@tpu
@pytest.mark.parametrize(
    ("name", "overrides"), [("digits", ()), ("solids", ("search.turns=64", "data.limit=80"))]
)
def test_plan_sums_alone_cross_16_chips(tmp_path, name, overrides):
    """Only sums cross 16 chips and no pixel is gathered."""
    found = planned(tmp_path, name, "v5e:4x4", *overrides)
    assert found["chips"] == 16
    assert {one["kind"] for one in found["collectives"]} == {"all-reduce"}
    # The weights' gradient, the codes of the bank and a few metrics.
    crossing = sum(one["bytes"] for one in found["collectives"])
    assert found["memory"]["argument"] / 4 < crossing < found["memory"]["argument"]
    assert found["pixel_gathers"] == 0
    assert found["memory"]["fits"]
    assert found["memory"]["available"] == 16 * 2**30
    assert found["compiler"]["operations"] > 0 and found["counted_operations"] > 0


@pytest.mark.full
@tpu
def test_plan_memory_flat_in_restarts():
    few, many = (here("v5e:2x2", "search.chunk=8", f"search.starts={starts}") for starts in (8, 32))
    assert many["counted_operations"] > 1.5 * few["counted_operations"]
    assert many["memory"]["temp"] < 1.1 * few["memory"]["temp"]


@pytest.mark.full
def test_plan_lowers_for_gpus(tmp_path):
    """Gpus are lowered for without any."""
    found = planned(tmp_path, "digits", "cuda:4")
    assert found["platform"] == "cuda" and found["chips"] == 4
    assert {one["kind"] for one in found["collectives"]} == {"all-reduce"}


@pytest.mark.full
def test_plan_gathers_candidates_where_chips_share_examples():
    """Candidates are gathered where chips share examples."""
    found = here("cuda:64")
    assert {one["kind"] for one in found["collectives"]} == {"all-reduce", "all-gather"}


@pytest.mark.standard
def test_plan_batch_that_chips_cannot_share_refused():
    done = run("--config", "digits", "--topology", "cuda:3")
    assert done.returncode == 2
    said = "wanted a multiple of the 3 devices, or a divisor where they are more than examples"
    assert done.stderr == f"avae_jax: train.batch_size=128: {said}\n"


@pytest.mark.full
def test_plan_file_that_cannot_be_written_refused_first(tmp_path):
    """A file that cannot be written is refused before anything is compiled."""
    there = tmp_path / "there.json"
    there.write_text("kept")
    for file, said in (
        (there, f"{there}: exists already, wanted the name of a new file"),
        (tmp_path / "no" / "x.json", f"--json {tmp_path}/no/x.json: no directory {tmp_path}/no"),
    ):
        done = run("--config", "digits", "--topology", "cuda:4", "--json", str(file))
        assert done.returncode == 2
        assert done.stdout == "" and done.stderr.startswith(f"avae_jax: {said}")
    assert there.read_text() == "kept"


@pytest.mark.standard
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--mode", "plan"], "plan: wants --topology"),
        (["--topology", "v5e:4x4"], "train: has no use for --topology"),
        (["--json", "x"], "train: has no use for --json"),
        (
            ["--mode", "plan", "--topology", "cuda:8", "--multihost"],
            "plan: has no use for --multihost",
        ),
    ],
)
def test_plan_flags_belong_together(flags, message):
    """Flags of planning belong together."""
    done = subprocess.run(
        [sys.executable, "-m", "avae_jax.main", *flags], text=True, capture_output=True
    )
    assert (done.returncode, done.stderr) == (2, f"avae_jax: {message}\n")
