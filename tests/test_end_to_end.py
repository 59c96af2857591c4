"""The command line from data to report, through real files and processes."""

import functools
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
from processes import compiled_in, ran
from test_report_explorer import given

import avae_jax
from avae_jax.core.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
SMALL = {
    "data.limit": 48,
    "model.hidden": "24",
    "model.latent": 3,
    "search.starts": 3,
    "search.keep": 1,
    "search.steps": 1,
    "search.prototypes": 4,
    "search.turns": 12,
    "train.steps": 4,
    "train.batch_size": 16,
    "train.warmup": 0,
    "train.schedule": "constant",
    "eval.examples": 8,
    "eval.batch_size": 8,
    "eval.curve_points": 2,
    "eval.curve_examples": 8,
    "eval.marginal_examples": 8,
    "eval.marginal_samples": 6,
    "eval.explored": "false",
    "log.moments": 2,
    "log.moment_examples": 8,
    "log.every": 2,
    "log.checkpoint_every": 2,
}
LOSSES = {"upright", "posed", "posed_search", "posed_true", "marginal"}
POSES = {"median_deg", "p90_deg", "within_20", "resultant_length", "quarter_turn"}


def command(config, workdir, **changes):
    options = {**SMALL, **{name.replace("__", "."): value for name, value in changes.items()}}
    overrides = [f"--config.{name}={value}" for name, value in options.items()]
    flags = ["--config", config] if config else []
    return [sys.executable, "-m", "avae_jax.main", *flags, "--workdir", str(workdir), *overrides]


@pytest.fixture(scope="module", autouse=True)
def compiled_once(programs):
    """Programs compiled by one process serve the others."""
    with compiled_in(programs):
        yield


def run(config, workdir, *, cwd=None, **changes):
    called = command(config, workdir, **changes)
    return subprocess.run(called, cwd=cwd, capture_output=True, text=True, timeout=300)


def summary_of(workdir):
    def refuse(constant):
        raise AssertionError(f"{constant} is not strict JSON")

    text = (workdir / "report" / "summary.json").read_text()
    return json.loads(text, parse_constant=refuse)


def lines_of(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_everything_it_promises(digits):
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
    assert list((workdir / "tensorboard").iterdir())
    assert "4/4" in done.stderr and "loss" in done.stderr
    assert "report" in done.stdout


def gpu_is_here():
    plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin")
    return shutil.which("nvidia-smi") and any(map(importlib.util.find_spec, plugins))


@pytest.mark.skipif(not gpu_is_here(), reason="no NVIDIA GPU, or JAX is not installed for it")
def test_a_gpu_trains_and_evaluates(tmp_path, monkeypatch):
    monkeypatch.delenv("JAX_PLATFORMS")
    called = [*command("digits", tmp_path / "run"), "--platform", "gpu"]
    done = subprocess.run(called, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "cpu device" not in done.stdout
    # Counted for CPUs: the compiler for GPUs does not tell before it has compiled.
    assert summary_of(tmp_path / "run")["search"]["forward_equivalents"] > 3


def explored(workdir):
    """What the page of a run is given to explore."""
    return given((workdir / "report" / "index.html").read_text(encoding="utf-8"))


def test_the_page_of_a_run_can_be_explored(digits):
    data = explored(digits[0])
    assert data["kind"] == "rotation" and len(data["trials"]) == 24
    assert len(data["examples"]) >= 24 and len(data["labels"]) == 10
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


def test_evaluate_reads_the_config_of_the_work_directory(digits):
    workdir, _ = digits
    before = summary_of(workdir)
    flags = [sys.executable, "-m", "avae_jax.main", "--mode", "evaluate", "--workdir", str(workdir)]
    done = subprocess.run(flags, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    after = summary_of(workdir)
    assert after["loss"] == before["loss"]
    assert after["pose"] == before["pose"]


def test_another_config_is_refused_and_nothing_is_written_over(digits):
    workdir, _ = digits
    before = {path: path.stat().st_mtime_ns for path in workdir.rglob("*") if path.is_file()}
    done = run("digits", workdir, model__latent=4)
    assert done.returncode == 2
    assert "model.latent" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    lock = workdir / "lock"
    after = {path: path.stat().st_mtime_ns for path in workdir.rglob("*") if path.is_file()}
    before.pop(lock, None), after.pop(lock, None)
    assert after == before


def test_more_steps_go_on_to_the_same_bits_as_an_uninterrupted_run(digits, tmp_path):
    first, whole = tmp_path / "in_two", tmp_path / "at_once"
    shutil.copytree(digits[0], first)
    for folder in (first, whole):
        ran(folder, {**SMALL, "train.steps": 8}, evaluates=False)
    assert lines_of(first) == lines_of(whole)
    one, other = avae_jax.load(first), avae_jax.load(whole)
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_trained_model_poses_an_image_without_its_data(digits):
    workdir, _ = digits
    trained = avae_jax.load(workdir)
    x = np.random.default_rng(0).uniform(size=(2, 24, 24, 1)).astype(np.float32)
    keys = avae_jax.example_keys(jax.random.key(0), np.arange(2))
    find = functools.partial(avae_jax.find_poses, avae=trained.avae, options=trained.search)
    found = jax.jit(find)(trained.params, keys, x, bank=trained.bank)
    assert found.pose.shape == (2, 3, 3)
    assert np.isfinite(found.loss).all()
    assert avae_jax.canonicalise(x[0], found.pose[0], avae=trained.avae).shape == (24, 24, 1)


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        ("digits", {"family": "affine", "data__size": 16, "data__scale": 1.0}),
        (
            "digits",
            {
                "family": "translation",
                "data__size": 12,
                "data__scale": 1.0,
                "eval__explored": "true",
            },
        ),
        ("digits", {"model__name": "conv", "model__likelihood": "gaussian_learned"}),
        ("digits", {"train__search": "false", "data__pose": "as_is", "search__preset": "original"}),
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
def test_families_models_and_baselines_run_through_the_same_command(config, changes, tmp_path):
    done = run(config, tmp_path / "run", **changes)
    assert done.returncode == 0, done.stderr
    summary = summary_of(tmp_path / "run")
    assert all(np.isfinite(summary["loss"][name]) for name in LOSSES)
    turns = changes.get("family") != "translation"
    assert (summary["pose"]["median_deg"] is not None) == turns
    assert (summary["pose"]["quarter_turn"] is not None) == (turns and config == "digits")
    if "eval__explored" in changes:
        data = explored(tmp_path / "run")
        wanted = ("rotation", True) if turns else ("shift", False)
        assert (data["kind"], data["relative"]) == wanted


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    changes = {"train__learning_rate": 1e30, "train__clip": 1e30, "train__steps": 8}
    done = run("digits", tmp_path / "run", **changes)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "step" in last and "finite" in last


def test_own_images_without_labels(tmp_path):
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
def test_bad_input_is_one_sentence_and_status_2(changes, said, tmp_path):
    done = run("digits", tmp_path / "run", **changes)
    assert done.returncode == 2
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run" / "config.json").exists()


def test_an_installed_wheel_runs_the_main_job_elsewhere(tmp_path):
    source, target, elsewhere = (tmp_path / name for name in ("source", "target", "elsewhere"))
    elsewhere.mkdir()
    for name in ("avae_jax", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "-w", str(tmp_path), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("avae_jax-*.whl")
    install = [*pip, "install", *offline, "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    assert list(target.glob("avae_jax-*.dist-info/licenses/LICENSE"))
    environment = os.environ | {"PYTHONPATH": str(target)}
    asked = [sys.executable, "-c", "import avae_jax; print(avae_jax.__file__)"]
    said = subprocess.check_output(asked, cwd=elsewhere, env=environment, text=True)
    assert said.strip() == str(target / "avae_jax" / "__init__.py")
    called = command("digits", "runs/digits")
    done = subprocess.run(called, cwd=elsewhere, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert summary_of(elsewhere / "runs" / "digits")["train"]["steps"] == 4


def test_a_model_in_one_file_is_the_model_of_its_work_directory(digits, tmp_path):
    workdir, _ = digits
    avae_jax.pack(workdir, tmp_path / "model.npz")
    one, other = avae_jax.load(workdir), avae_jax.load(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").stat().st_size < 3e6
    for here, there in ((one.params, other.params), (one.met, other.met)):
        jax.tree.map(np.testing.assert_array_equal, here, there)
    assert one.search == other.search and one.avae.inner == other.avae.inner
    np.testing.assert_allclose(one.bank.weights, other.bank.weights, atol=1e-3)
    with pytest.raises(InputError, match="exists already"):
        avae_jax.pack(workdir, tmp_path / "model.npz")
    with pytest.raises(InputError, match="no config.json"):
        avae_jax.load(tmp_path / "nowhere.npz")
