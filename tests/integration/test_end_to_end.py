"""The command line from data to report, through real files and processes."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from avae_jax import main
from avae_jax.training import finish
from tests.support import ROOT
from tests.support.cli import SMALL, command, lines_of, run, summary_of
from tests.support.event_files import events_in
from tests.support.report_samples import given
from tests.support.sharing import made_once
from tests.support.trainings import train
from tests.support.wheels import installed_wheel

pytestmark = pytest.mark.standard
LOSSES = {"upright", "posed", "posed_search", "posed_true", "marginal"}
POSES = {"median_deg", "p90_deg", "within_20", "resultant_length", "quarter_turn"}


def test_run_leaves_everything_it_promises(digits):
    workdir, done = digits
    summary = summary_of(workdir)
    assert set(summary["loss"]) >= LOSSES
    assert set(summary["pose"]) >= POSES
    assert all(np.isfinite(summary["loss"][name]) for name in LOSSES)
    assert set(summary["canonical"]) >= {"outside", "cropped"}
    assert summary["search"]["forward_equivalents"] > 3
    assert summary["search"]["seconds_per_example"] > 0
    assert summary["train"]["steps"] == 4 and summary["train"]["seconds"] > 0
    assert json.loads((workdir / "config.json").read_text())["train"]["steps"] == 4
    assert [line["step"] for line in lines_of(workdir)] == [2, 4]
    assert (workdir / "report" / "index.html").stat().st_size > 10_000
    assert (workdir / "checkpoints" / "4").is_dir()
    shown = [(e.step, v.tag) for e in events_in(workdir) for v in e.summary.value]
    assert {(0, "held_out"), (4, "held_out"), (2, "loss"), (4, "loss")} <= {*shown}
    assert [line[:2] for line in (workdir / "metrics.csv").read_text().split()] == [
        "st",
        "2,",
        "4,",
    ]
    assert "4/4" in done.stderr and "loss" in done.stderr
    assert "report" in done.stdout


def gpu_is_here():
    plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin")
    return shutil.which("nvidia-smi") and any(map(importlib.util.find_spec, plugins))


@pytest.mark.skipif(not gpu_is_here(), reason="no NVIDIA GPU, or JAX is not installed for it")
def test_run_on_a_gpu(tmp_path, monkeypatch):
    """A gpu trains and evaluates."""
    monkeypatch.delenv("JAX_PLATFORMS")
    called = [*command("digits", tmp_path / "run"), "--platform", "gpu"]
    done = subprocess.run(called, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "cpu device" not in done.stdout
    # Counted for CPUs: the compiler for GPUs does not tell before it has compiled.
    assert summary_of(tmp_path / "run")["search"]["forward_equivalents"] > 3


def explored_by(workdir):
    """What the page of a run is given to explore."""
    return given((workdir / "report" / "index.html").read_text(encoding="utf-8"))["explored"]


def test_run_page_can_be_explored(digits):
    data = explored_by(digits[0])
    assert data["kind"] == "rotation" and len(data["trials"]) == 8
    assert len(data["examples"]) == 8
    assert set(data["labels"]) == {example["label"] for example in data["examples"]}
    assert [moment["step"] for moment in data["training"]["moments"]] == [0, 4]
    for trial in data["trials"]:
        kept = len(trial["by"])
        values, losses = np.array(trial["values"]), np.array(trial["losses"])
        example = data["examples"][trial["example"]]
        assert len(values) == 37 + kept and np.isfinite(losses).all()
        # The found pose is the first of those kept, and a stop; unmoved is another.
        assert losses[-kept] == pytest.approx(example["after"], abs=0.02)
        assert losses[values == values[-kept]].min() == pytest.approx(example["after"], abs=0.02)
        assert losses[values == 0][0] == pytest.approx(example["before"], abs=0.02)


@pytest.mark.full
def test_evaluate_reads_the_saved_config(digits, tmp_path):
    """Evaluate reads the config of the work directory."""
    # Others read the first one.
    workdir = shutil.copytree(digits[0], tmp_path / "run")
    before = summary_of(workdir)
    with jax.numpy_dtype_promotion("standard"):
        assert main.main(["--mode", "evaluate", "--workdir", str(workdir)]) == 0
    after = summary_of(workdir)
    assert after["loss"] == before["loss"]
    assert after["pose"] == before["pose"]


def test_run_with_another_config_refused(digits, capsys):
    """Another config is refused and nothing is written over."""
    workdir, _ = digits
    before = {path: path.stat().st_mtime_ns for path in workdir.rglob("*") if path.is_file()}
    assert train(workdir, {**SMALL, "model.latent": 4}) == 2
    said = capsys.readouterr().err
    assert "model.latent" in said and len(said.strip().splitlines()) == 1
    after = {path: path.stat().st_mtime_ns for path in workdir.rglob("*") if path.is_file()}
    assert after == before


AFFINE = {"family": "affine", "data.size": 16, "data.scale": 1.0}
SHIFTED = {"family": "translation", "data.size": 12, "data.scale": 1.0, "eval.explored": "true"}
RIGID = {
    "family": "rigid",
    "ranges.shift": 0.1,
    "data.size": 8,
    "data.scale": 0.5,
    "search.turns": 256,
    "eval.explored": "true",
}
CASES = {
    "affine": ("digits", AFFINE),
    "translation": ("digits", SHIFTED),
    "conv": ("digits", {"model.name": "conv", "model.likelihood": "gaussian_learned"}),
    "upright": (
        "digits",
        {"train.search": "false", "data.pose": "as_is", "search.preset": "original"},
    ),
    "rigid-3d": ("solids", RIGID),
}


def assert_evaluated(workdir, changes, *, planar):
    """The numbers that a family has are there, and the page can be explored where asked for."""
    summary = summary_of(workdir)
    assert all(np.isfinite(summary["loss"][name]) for name in LOSSES)
    turns = changes.get("family") != "translation"
    assert (summary["pose"]["median_deg"] is not None) == turns
    assert (summary["pose"]["quarter_turn"] is not None) == (turns and planar)
    if "eval.explored" in changes:
        data = explored_by(workdir)
        wanted = ("rotation", True) if turns else ("shift", False)
        assert (data["kind"], data["relative"]) == wanted


@pytest.mark.full
@pytest.mark.parametrize("name", CASES)
def test_run_families_models_and_baselines(name, tmp_path):
    """Families models and baselines run through the same command."""
    config, changes = CASES[name]
    named = {option.replace(".", "__"): value for option, value in changes.items()}
    done = run(config, tmp_path / "run", **named)
    assert done.returncode == 0, done.stderr
    assert_evaluated(tmp_path / "run", changes, planar=config == "digits")


@pytest.mark.full
def test_run_of_volumes_in_affine_poses_is_evaluated(tmp_path):
    """After an update without a search; `fit` and `train_step` try those that search."""
    config, changes = CASES["rigid-3d"]
    changes = {**changes, "family": "affine", "search.turns": 48, "eval.explored": "false"}
    plain = {"train.search": "false", "train.synchronised": 0, "train.steps": 1, "log.moments": 0}
    options = {**SMALL, **changes, **plain}
    assert train(tmp_path, options, config=config, evaluate=finish.evaluate_and_report) == 0
    assert_evaluated(tmp_path, {"family": "affine"}, planar=False)


def test_run_stops_at_a_loss_not_finite(tmp_path, capsys):
    """A loss that is not finite stops the run."""
    changes = {"train.learning_rate": 1e30, "train.clip": 1e30, "train.steps": 8}
    plain = {"train.search": "false", "train.synchronised": 0}
    assert train(tmp_path / "run", {**SMALL, "log.moments": 0, **changes, **plain}) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "step" in last and "finite" in last


@pytest.mark.full
def test_run_on_own_images_without_labels(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (40, 13, 11, 3), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", images=images)
    source = f"npz:{tmp_path / 'mine.npz'}"
    done = run("mnist_idx", tmp_path / "run", data__source=source, data__size=16)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"search.keep": 9}, "search.keep"),
        ({"train.batch_size": 100}, "train.batch_size"),
        ({"data.source": "npz:nowhere.npz"}, "nowhere.npz"),
        ({"family": "rotation+wobble"}, "wobble"),
        ({"model.likelihod": "gaussian"}, "likelihod"),
    ],
)
def test_run_bad_input_refused_with_status_2(changes, said, tmp_path, capsys):
    """Bad input is one sentence and status 2."""
    assert train(tmp_path / "run", {**SMALL, **changes}) == 2
    err = capsys.readouterr().err
    assert said in err and len(err.strip().splitlines()) == 1
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A folder with the installed package alone."""
    return made_once(tmp_path_factory, "wheel", installed_wheel)


def elsewhere(wheel, folder, *called):
    """What a program says that finds the installed package alone."""
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": str(wheel)}
    done = subprocess.run(called, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel_holds_all_files_of_the_package_and_runs_elsewhere(wheel, tmp_path):
    assert list(wheel.glob("avae_jax-*.dist-info/licenses/LICENSE"))
    sources = [path for path in (ROOT / "avae_jax").rglob("*") if "__pycache__" not in path.parts]
    for path in filter(Path.is_file, sources):
        assert (wheel / path.relative_to(ROOT)).read_bytes() == path.read_bytes()
    code = "import avae_jax, sys; from avae_jax import main; print(avae_jax.__file__, flush=True)\n"
    code += "sys.exit(main.main(['--config', 'digits', '--print-config']))"
    file, _, config = elsewhere(wheel, tmp_path / "a", sys.executable, "-c", code).partition("\n")
    assert file == str(wheel / "avae_jax" / "__init__.py")
    assert json.loads(config)["data"]["source"] == "digits"


@pytest.mark.full
def test_run_from_an_installed_wheel(wheel, tmp_path):
    """An installed wheel runs the main job elsewhere."""
    elsewhere(wheel, tmp_path / "a", *command("digits", "runs/digits"))
    assert summary_of(tmp_path / "a" / "runs" / "digits")["train"]["steps"] == 4
