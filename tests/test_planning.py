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
from avae_jax.core.errors import InputError
from avae_jax.training.aot import hlo
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


@tpu
@pytest.mark.parametrize(
    ("name", "overrides"), [("digits", ()), ("solids", ("search.turns=64", "data.limit=80"))]
)
def test_only_sums_cross_16_chips_and_no_pixel_is_gathered(tmp_path, name, overrides):
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


@tpu
def test_memory_is_flat_in_restarts():
    few, many = (here("v5e:2x2", "search.chunk=8", f"search.starts={starts}") for starts in (8, 32))
    assert many["counted_operations"] > 1.5 * few["counted_operations"]
    assert many["memory"]["temp"] < 1.1 * few["memory"]["temp"]


def test_gpus_are_lowered_for_without_any(tmp_path):
    found = planned(tmp_path, "digits", "cuda:4")
    assert found["platform"] == "cuda" and found["chips"] == 4
    assert {one["kind"] for one in found["collectives"]} == {"all-reduce"}


def test_candidates_are_gathered_where_chips_share_examples():
    found = here("cuda:64")
    assert {one["kind"] for one in found["collectives"]} == {"all-reduce", "all-gather"}


@pytest.mark.parametrize("name", ["", "v5e", "v5e:", "v5e:0x4", "v3:4x4", "cuda:2x", "v5e:4*4"])
def test_a_topology_that_nobody_knows_is_refused(name):
    with pytest.raises(InputError, match=r"--topology .*: wanted one of v5e, v5p, v6e with sides"):
        topology(name)


def test_a_batch_that_chips_cannot_share_is_refused():
    done = run("--config", "digits", "--topology", "cuda:3")
    assert done.returncode == 2
    said = "wanted a multiple of the 3 devices, or a divisor where they are more than examples"
    assert done.stderr == f"avae_jax: train.batch_size=128: {said}\n"


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_compiled(tmp_path):
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


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--mode", "plan"], "--mode plan: wants --topology"),
        (["--topology", "v5e:4x4"], "--mode train: has no use for --topology"),
        (["--json", "x"], "--mode train: has no use for --json"),
        (
            ["--mode", "plan", "--topology", "cuda:8", "--multihost"],
            "--mode plan: has no use for --multihost",
        ),
    ],
)
def test_flags_of_planning_belong_together(flags, message):
    done = subprocess.run(
        [sys.executable, "-m", "avae_jax.main", *flags], text=True, capture_output=True
    )
    assert (done.returncode, done.stderr) == (2, f"avae_jax: {message}\n")


PROGRAM = """
  %a = (f32[8,4]{1,0}, bf16[3]{0}) all-reduce-start(%x, %y), channel_id=3, to_apply=%sum
  %b = (f32[8,4]{0,1}, bf16[3]{0}) all-reduce(%x, %y), channel_id=3, to_apply=%sum
  %count = s32[] all-reduce(%n), channel_id=3, to_apply=%sum
  %c = f32[16,2]{1,0} all-gather(%z), channel_id=4, dimensions={0}
  %d = f32[64,576,1]{2,1,0} gather(%image, %index), slice_sizes={1,1}
  %e = f32[64,576]{1,0} gather(%image, %index), slice_sizes={1,576}
  %f = f32[4,3,3]{2,1,0} gather(%pose, %index), slice_sizes={1,3,3}
"""


def test_what_a_program_holds_is_read_from_its_text():
    crossing = hlo.collectives(PROGRAM)
    assert [tuple(one) for one in crossing] == [
        ("all-reduce", 134),
        ("all-gather", 128),
        ("all-reduce", 4),
    ]
    assert hlo.pixel_gathers(PROGRAM) == 1


LOWERED = """
    %1 = "stablehlo.all_reduce"(%0) <{channel_handle = #stablehlo.channel_handle<handle = 1>}> ({
    ^bb0(%arg1: tensor<f32>, %arg2: tensor<f32>):
      %3 = stablehlo.add %arg1, %arg2 : tensor<f32>
      stablehlo.return %3 : tensor<f32>
    }) : (tensor<64x8xf32>) -> tensor<64x8xf32>
    %2 = "stablehlo.all_gather"(%1) : (tensor<4xbf16>) -> tensor<8xbf16>
"""


def test_the_same_before_a_compiler_joins_sums():
    crossing = hlo.lowered_collectives(LOWERED)
    assert [tuple(one) for one in crossing] == [("all-reduce", 2048), ("all-gather", 16)]
