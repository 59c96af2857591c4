"""The command line from data to report, through real files and processes."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest

import avae_jax
from tests.support.cli import SMALL, command, lines_of, run, summary_of
from tests.support.event_files import events_in
from tests.support.processes import ran
from tests.support.report_samples import given
from tests.support.sharing import made_once
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


def test_evaluate_reads_the_saved_config(digits, tmp_path):
    """Evaluate reads the config of the work directory."""
    # Others read the first one.
    workdir = shutil.copytree(digits[0], tmp_path / "run")
    before = summary_of(workdir)
    flags = [sys.executable, "-m", "avae_jax.main", "--mode", "evaluate", "--workdir", str(workdir)]
    done = subprocess.run(flags, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    after = summary_of(workdir)
    assert after["loss"] == before["loss"]
    assert after["pose"] == before["pose"]


def test_run_with_another_config_refused(digits):
    """Another config is refused and nothing is written over."""
    workdir, _ = digits
    before = {path: path.stat().st_mtime_ns for path in workdir.rglob("*") if path.is_file()}
    done = run("digits", workdir, model__latent=4)
    assert done.returncode == 2
    assert "model.latent" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    after = {path: path.stat().st_mtime_ns for path in workdir.rglob("*") if path.is_file()}
    assert after == before


def test_run_continued_gives_the_same_bits(digits, tmp_path):
    """More steps go on to the same bits as an uninterrupted run."""
    first, whole = tmp_path / "in_two", tmp_path / "at_once"
    shutil.copytree(digits[0], first)
    for folder in (first, whole):
        ran(folder, {**SMALL, "train.steps": 8}, evaluates=False)
    assert lines_of(first) == lines_of(whole)
    one, other = avae_jax.load(first), avae_jax.load(whole)
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        ("digits", {"family": "affine", "data__size": 16, "data__scale": 1.0}),
        pytest.param(
            "digits",
            {
                "family": "translation",
                "data__size": 12,
                "data__scale": 1.0,
                "eval__explored": "true",
            },
            marks=pytest.mark.full,
        ),
        pytest.param(
            "digits",
            {"model__name": "conv", "model__likelihood": "gaussian_learned"},
            marks=pytest.mark.full,
        ),
        pytest.param(
            "digits",
            {"train__search": "false", "data__pose": "as_is", "search__preset": "original"},
            marks=pytest.mark.full,
        ),
        (
            "solids",
            {
                "family": "rigid",
                "ranges__shift": 0.1,
                "data__size": 8,
                "data__scale": 0.5,
                "search__turns": 256,
                "eval__explored": "true",
            },
        ),
    ],
    ids=["affine", "translation", "conv", "upright", "rigid-3d"],
)
def test_run_families_models_and_baselines(config, changes, tmp_path):
    """Families models and baselines run through the same command."""
    done = run(config, tmp_path / "run", **changes)
    assert done.returncode == 0, done.stderr
    summary = summary_of(tmp_path / "run")
    assert all(np.isfinite(summary["loss"][name]) for name in LOSSES)
    turns = changes.get("family") != "translation"
    assert (summary["pose"]["median_deg"] is not None) == turns
    assert (summary["pose"]["quarter_turn"] is not None) == (turns and config == "digits")
    if "eval__explored" in changes:
        data = explored_by(tmp_path / "run")
        wanted = ("rotation", True) if turns else ("shift", False)
        assert (data["kind"], data["relative"]) == wanted


def test_run_stops_at_a_loss_not_finite(tmp_path):
    """A loss that is not finite stops the run."""
    changes = {"train__learning_rate": 1e30, "train__clip": 1e30, "train__steps": 8}
    done = run("digits", tmp_path / "run", **changes)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "step" in last and "finite" in last


def test_run_on_own_images_without_labels(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (40, 13, 11, 3), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", images=images)
    source = f"npz:{tmp_path / 'mine.npz'}"
    done = run("mnist_idx", tmp_path / "run", data__source=source, data__size=16)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"search__keep": 9}, "search.keep"),
        ({"train__batch_size": 100}, "train.batch_size"),
        ({"data__source": "npz:nowhere.npz"}, "nowhere.npz"),
        ({"family": "rotation+wobble"}, "wobble"),
        ({"model__likelihod": "gaussian"}, "likelihod"),
    ],
)
def test_run_bad_input_refused_with_status_2(changes, said, tmp_path):
    """Bad input is one sentence and status 2."""
    done = run("digits", tmp_path / "run", **changes)
    assert done.returncode == 2
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run" / "config.json").exists()


def test_run_from_an_installed_wheel(tmp_path, tmp_path_factory):
    """An installed wheel runs the main job elsewhere."""
    target = made_once(tmp_path_factory, "wheel", installed_wheel)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert list(target.glob("avae_jax-*.dist-info/licenses/LICENSE"))
    environment = os.environ | {"PYTHONPATH": str(target)}
    asked = [sys.executable, "-c", "import avae_jax; print(avae_jax.__file__)"]
    said = subprocess.check_output(asked, cwd=elsewhere, env=environment, text=True)
    assert said.strip() == str(target / "avae_jax" / "__init__.py")
    called = command("digits", "runs/digits")
    done = subprocess.run(called, cwd=elsewhere, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert summary_of(elsewhere / "runs" / "digits")["train"]["steps"] == 4
